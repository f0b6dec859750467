/** What NAT real servers answer from, and what may stand for many of them. */
import type { Prefix } from '../../linux/rt-rule.js';
import {
  AF_INET,
  AF_INET6,
  type Family,
  type InetAddr,
  inetFromWords,
  inetToString,
} from '../../wire/inet.js';
import { CountedSet, type Want } from './counted-set.js';

/** What comes from one address by one protocol, from one port or (0) from any. */
export interface Source {
  readonly address: InetAddr;
  readonly protocol: number;
  readonly port: number;
}

/** What comes from a network by one protocol, from one port or (0) from any. */
export interface SourceNetwork {
  readonly network: Prefix;
  readonly protocol: number;
  readonly port: number;
}

/** Sources in so many words: by network of this length, with or without ports. Each counts once among those of the coarser rungs that stand for it. */
class Rung extends CountedSet<Source> {
  readonly #length: number;
  readonly #ports: boolean;
  readonly #coarser: readonly Rung[];

  constructor(length: number, ports: boolean, coarser: readonly Rung[]) {
    super();
    this.#length = length;
    this.#ports = ports;
    this.#coarser = coarser;
  }

  networks(): SourceNetwork[] {
    return Array.from(this, ({ address, protocol, port }) => ({
      network: { address, length: this.#length },
      protocol,
      port,
    }));
  }

  protected override changed(_key: string, source: Source, there: boolean): void {
    for (const rung of this.#coarser) rung.#count(source, there);
  }

  #count({ address, protocol, port }: Source, there: boolean): void {
    const item = { address: maskedTo(address, this.#length), protocol, port: this.#ports ? port : 0 };
    if (there) this.add(textOf(item), item);
    else this.remove(textOf(item));
  }
}

/** From exact to all. Neighbours go before other ports: servers are many on few ports more often than they have many ports. */
function ladder(host: number, near: number, far: number, farther: number): [exact: Rung, ...Rung[]] {
  const withPorts = chain([near, far], true);
  const without = chain([host, near, far, farther, 0], false);
  return [new Rung(host, true, [withPorts[0]!, without[0]!]), ...withPorts, ...without];
}

/** Rungs of which each is made of the one before. */
function chain([length, ...rest]: readonly number[], ports: boolean): Rung[] {
  if (length === undefined) return [];
  const coarser = chain(rest, ports);
  return [new Rung(length, ports, coarser.slice(0, 1)), ...coarser];
}

/** A counted set of sources, with all that could stand for them kept beside it. */
export class Answers {
  readonly #ladders = { [AF_INET]: ladder(32, 24, 16, 8), [AF_INET6]: ladder(128, 64, 48, 32) };

  /** Changes whenever a source comes or goes. */
  get version(): number {
    return this.#ladders[AF_INET][0].version + this.#ladders[AF_INET6][0].version;
  }

  /** As {@link CountedSet.add}. */
  add(source: Source): Want {
    return this.#ladders[source.address.family][0].add(textOf(source), source);
  }

  /** The sources of a family; networks that hold them, or all ports, where they are more than `most`. */
  inFewWords(family: Family, most: number): SourceNetwork[] {
    const rungs = this.#ladders[family];
    return (rungs.find(({ size }) => size <= most) ?? rungs.at(-1)!).networks();
  }
}

function textOf({ address, protocol, port }: Source): string {
  // joined, it takes the room of its letters alone
  return [inetToString(address), protocol, port].join(' ');
}

function maskedTo(address: InetAddr, length: number): InetAddr {
  if (length === (address.family === AF_INET ? 32 : 128)) return address;
  const words = address.words.map((word, i) => {
    const bits = Math.min(Math.max(length - 32 * i, 0), 32);
    return word & (bits === 0 ? 0 : -1 << (32 - bits));
  });
  return inetFromWords(address.family, words);
}
