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
import { CountedSet } from './counted-set.js';

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

/** A way to say it in fewer words: by network of this length, with or without ports. */
interface Rung {
  readonly length: number;
  readonly ports: boolean;
}

/** From exact to all. Neighbours go before other ports: servers are many on few ports more often than they have many ports. */
const LADDER: Readonly<Record<Family, readonly Rung[]>> = {
  [AF_INET]: ladder(32, 24, 16, 8),
  [AF_INET6]: ladder(128, 64, 48, 32),
};

function ladder(host: number, near: number, far: number, farther: number): Rung[] {
  return [
    ...[host, near, far].map((length) => ({ length, ports: true })),
    ...[host, near, far, farther, 0].map((length) => ({ length, ports: false })),
  ];
}

/** A counted set of sources, with all that could stand for them kept beside it. */
export class Answers {
  readonly #sources = new CountedSet<Source>();
  readonly #rungs: Readonly<Record<Family, readonly CountedSet<SourceNetwork>[]>> = {
    [AF_INET]: LADDER[AF_INET].map(() => new CountedSet()),
    [AF_INET6]: LADDER[AF_INET6].map(() => new CountedSet()),
  };

  /** Changes whenever a source comes or goes. */
  get version(): number {
    return this.#sources.version;
  }

  /** As {@link CountedSet.add}. */
  add(key: string, source: Source): void {
    if (!this.#sources.add(key, source)) return;
    const { family } = source.address;
    for (const [i, rung] of LADDER[family].entries()) {
      const item = standIn(source, rung);
      this.#rungs[family][i]!.add(textOf(item), item);
    }
  }

  /** As {@link CountedSet.remove}. */
  remove(key: string): void {
    const source = this.#sources.remove(key);
    if (source === undefined) return;
    const { family } = source.address;
    for (const [i, rung] of LADDER[family].entries()) {
      this.#rungs[family][i]!.remove(textOf(standIn(source, rung)));
    }
  }

  /** The sources of a family; networks that hold them, or all ports, where they are more than `most`. */
  inFewWords(family: Family, most: number): SourceNetwork[] {
    const rungs = this.#rungs[family];
    return [...(rungs.find(({ size }) => size <= most) ?? rungs.at(-1)!)];
  }
}

function standIn({ address, protocol, port }: Source, { length, ports }: Rung): SourceNetwork {
  return { network: { address: maskedTo(address, length), length }, protocol, port: ports ? port : 0 };
}

function textOf({ network, protocol, port }: SourceNetwork): string {
  return `${inetToString(network.address)} ${protocol} ${port}`;
}

function maskedTo(address: InetAddr, length: number): InetAddr {
  const words = address.words.map((word, i) => {
    const bits = Math.min(Math.max(length - 32 * i, 0), 32);
    return word & (bits === 0 ? 0 : -1 << (32 - bits));
  });
  return inetFromWords(address.family, words);
}
