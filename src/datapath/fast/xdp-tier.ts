/** XDP in front of tc: its program, and where it runs. */
import { xdpProgram } from '../../ebpf/programs/xdp.js';
import type { BpfProgram } from '../../linux/bpf-program.js';
import type { Link } from '../../linux/rt-link.js';
import { type FastMaps, loadProgram } from './maps.js';
import type { XdpName } from './names.js';
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

/** The XDP tier. */
export class XdpTier {
  readonly #program: BpfProgram;
  readonly #attachments: XdpAttachments;

  /** @throws VerifierError, SYSTEM */
  constructor(maps: FastMaps, { wish, interfaces, report }: XdpTierOptions) {
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
  }

  /** Follows interfaces. @param links all of the namespace. */
  refresh(links: readonly Link[]): void {
    this.#attachments.refresh(links);
  }

  /** Takes over what drivers have come to be able to do; never waits. */
  follow(): void {
    this.#attachments.follow();
  }

  /** The program can send by this interface. */
  canSend(ifindex: number): boolean {
    return this.#attachments.canSend(ifindex);
  }

  close(): void {
    this.#attachments.close();
    this.#program.close();
  }
}
