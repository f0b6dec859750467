/** XDP in front of tc: its program, where it runs, and when there is something new to know of next hops. */
import { xdpProgram } from '../../ebpf/programs/xdp.js';
import type { BpfProgram } from '../../linux/bpf-program.js';
import type { Link } from '../../linux/rt-link.js';
import { type FastMaps, loadProgram } from './maps.js';
import type { XdpName } from './names.js';
import { type NextHopHost, NextHops } from './next-hops.js';
import { XdpAttachments } from './xdp-attachments.js';

/** Told of what becomes of interfaces. */
export type XdpReport = (
  level: 'info' | 'warn',
  message: string,
  fields: Readonly<Record<string, string>>,
) => void;

/** What is asked for. */
export interface XdpTierOptions {
  readonly wish: XdpName;
  readonly interfaces?: readonly string[] | undefined;
  readonly report: XdpReport;
}

/** How often next hops and drivers are looked at even though no news has come, ms: more often than the neighbour table forgets what nobody uses. */
const INTERVAL = 250;

/** The XDP tier. */
export class XdpTier {
  readonly hops: NextHops;
  readonly #host: NextHopHost;
  readonly #program: BpfProgram;
  readonly #attachments: XdpAttachments;
  #generation = -1;
  #next = 0;

  /** @throws VerifierError, SYSTEM */
  constructor(host: NextHopHost, maps: FastMaps, { wish, interfaces, report }: XdpTierOptions) {
    this.#host = host;
    this.#program = loadProgram('xdp', xdpProgram(), maps);
    try {
      this.#attachments = new XdpAttachments({
        program: this.#program,
        map: maps.links,
        wish,
        names: interfaces,
        events: {
          attached: (name, mode) => report('info', 'XDP carries packets', { interface: name, mode }),
          refused: (name, error) =>
            report('warn', 'XDP was refused', { interface: name, reason: error.message }),
        },
      });
    } catch (error) {
      this.#program.close();
      throw error;
    }
    this.hops = new NextHops(host, (ifindex) => this.#attachments.canSend(ifindex));
  }

  /** Follows interfaces. @param links all of the namespace. */
  refresh(links: readonly Link[]): void {
    this.#attachments.refresh(links);
    this.#generation = -1;
  }

  /** It is time to resolve the ways anew. */
  hasChanged(): boolean {
    const { now, neighbourGeneration } = this.#host;
    if (neighbourGeneration === this.#generation && now < this.#next) return false;
    this.#attachments.follow();
    this.#generation = neighbourGeneration;
    this.#next = now + INTERVAL;
    return true;
  }

  close(): void {
    this.#attachments.close();
    this.#program.close();
  }
}
