/** Where the tc program runs: at the ingress of interfaces, by TCX where the kernel has it, else by a tc filter. */
import { attachTcx, type BpfLink } from '../../linux/bpf-link.js';
import type { BpfProgram } from '../../linux/bpf-program.js';
import { EINVAL, SystemError } from '../../linux/errno.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { ARPHRD_ETHER, type Link } from '../../linux/rt-link.js';
import { attachTcFilter, detachTcFilter } from '../../linux/tc-filter.js';
import type { Pins } from './pins.js';

/** Priority of our filter, where filters are used. */
const PRIORITY = 118;

/** Names of pinned links, before the interface's number. */
const TCX = 'tcx-';

/** Keeps a program attached to interfaces that come and go. */
export class Attachments {
  readonly #socket: NetlinkSocket;
  readonly #program: BpfProgram;
  readonly #names: readonly string[] | undefined;
  readonly #pins: Pins | undefined;
  readonly #links = new Map<number, BpfLink | 'filter'>();

  /** @param names of the interfaces; all Ethernet interfaces when left out. @param pins where the program is to outlive this process. */
  constructor(socket: NetlinkSocket, program: BpfProgram, names?: readonly string[], pins?: Pins) {
    this.#socket = socket;
    this.#program = program;
    this.#names = names;
    this.#pins = pins;
  }

  /** Interfaces that it is attached to. */
  get count(): number {
    return this.#links.size;
  }

  /**
   * Attaches to interfaces that are new, and forgets those that are gone. One that refuses is tried again the next time.
   * @param links all of the namespace.
   * @returns why the last one refused, if one did: mostly because it has just gone.
   */
  refresh(links: readonly Link[]): SystemError | undefined {
    const wanted = new Set(links.filter((link) => this.#isWanted(link)).map((link) => link.index));
    for (const ifindex of this.#links.keys()) if (!wanted.has(ifindex)) this.#detach(ifindex);
    let refusal: SystemError | undefined;
    for (const ifindex of wanted) {
      if (this.#links.has(ifindex)) continue;
      try {
        this.#links.set(ifindex, this.#attach(ifindex));
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        refusal = error;
      }
    }
    return refusal;
  }

  /** Detaches what an earlier daemon has left where nothing is to be. */
  sweep(): void {
    for (const name of this.#pins?.links() ?? []) {
      if (name.startsWith(TCX) && !this.#links.has(Number(name.slice(TCX.length)))) this.#pins?.unpin(name);
    }
  }

  /** @param stay pinned programs, and filters, go on without this process. */
  close(stay = false): void {
    for (const [ifindex, link] of [...this.#links]) {
      if (!stay) this.#detach(ifindex);
      else if (link !== 'filter') link.close();
    }
  }

  #isWanted({ name, type }: Link): boolean {
    return type === ARPHRD_ETHER && (this.#names === undefined || this.#names.includes(name));
  }

  #attach(ifindex: number): BpfLink | 'filter' {
    try {
      const attach = (): BpfLink => attachTcx(this.#program, ifindex);
      return this.#pins?.link(`${TCX}${ifindex}`, this.#program, attach) ?? attach();
    } catch (error) {
      if (!(error instanceof SystemError) || error.number !== EINVAL) throw error;
    }
    attachTcFilter(this.#socket, this.#program, { ifindex, priority: PRIORITY });
    return 'filter';
  }

  #detach(ifindex: number): void {
    const link = this.#links.get(ifindex);
    this.#links.delete(ifindex);
    // an interface that is gone has taken its filters along
    if (link === 'filter') detachTcFilter(this.#socket, { ifindex, priority: PRIORITY });
    else {
      this.#pins?.unpin(`${TCX}${ifindex}`);
      link?.close();
    }
  }
}
