/** What of a fast path outlives the daemon: its maps and links, by names in a folder of a BPF file system. The next daemon takes them over. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  COUNTER,
  FLOW,
  FLOW_ACTIONS,
  FLOW4_KEY,
  FLOW6_KEY,
  LEASE,
  LINK,
  MAPS,
  REPORT,
  REPORTS,
  WAY,
} from '../../ebpf/programs/flow-maps.js';
import { type BpfObject, getPinned } from '../../linux/bpf.js';
import { bpfFolder, mountBpfFs, unmountBpfFs } from '../../linux/bpf-fs.js';
import { BpfLink } from '../../linux/bpf-link.js';
import { MAP_TYPES, type MapOptions, mapOptions } from '../../linux/bpf-map.js';
import type { BpfProgram } from '../../linux/bpf-program.js';
import { SystemError } from '../../linux/errno.js';
import { closeFd } from '../../linux/fd.js';
import type { NetnsIdentity } from '../../linux/netns.js';

/** Names of the namespaces' folders. */
const PREFIX = 'ipvsd-netns-';

/** The place of one namespace's pins. */
export class Pins {
  readonly #root: string;
  readonly #home: string;
  readonly #folder: string;
  #adopted = false;

  /**
   * Nothing is made or changed yet.
   * @param stateDirectory where a BPF file system is mounted if the system has none.
   */
  constructor({ inode, unique }: NetnsIdentity, stateDirectory: string) {
    this.#root = bpfFolder(join(stateDirectory, 'bpf'));
    this.#home = join(this.#root, `${PREFIX}${inode}`);
    // what another namespace or a program with other records has left is not to be found
    const identity = createHash('sha256').update(`${unique} ${layout()}`).digest('hex');
    this.#folder = join(this.#home, identity.slice(0, 16));
  }

  /** Maps are those of an earlier daemon. */
  get adopted(): boolean {
    return this.#adopted;
  }

  /**
   * Makes the place, and looks whether what is there can be taken over; if not, it is removed, and its programs detached.
   * @throws SYSTEM, with EPERM where a BPF file system cannot be mounted.
   */
  prepare(maps: readonly MapOptions[]): void {
    mountBpfFs(this.#root);
    this.#adopted = existsSync(this.#folder) && maps.every((options) => this.#fits(options));
    if (this.#adopted) return;
    rmSync(this.#home, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** The map of a name that {@link prepare} was told of. @param make makes one of a descriptor, or, without one, a new one. */
  map<T extends BpfObject>(name: string, make: (fd?: number) => T): T {
    const path = this.#path(name);
    if (this.#adopted) return make(getPinned(path));
    const map = make();
    try {
      map.pin(path);
    } catch (error) {
      map.close();
      throw error;
    }
    return map;
  }

  /**
   * Puts a program at a place: in the stead of the one that a daemon before has left there, or anew.
   * @param name of the place. @param attach what to do in the second case.
   */
  link(name: string, program: BpfProgram, attach: () => BpfLink): BpfLink {
    const left = this.#left(name, program);
    if (left !== undefined) return left;
    const link = attach();
    try {
      link.pin(this.#path(name));
    } catch (error) {
      link.close();
      throw error;
    }
    return link;
  }

  /** The program at a place ends with its last descriptor. */
  unpin(name: string): void {
    rmSync(this.#path(name), { force: true });
  }

  /** Links that an earlier daemon has left, by the names of their places. */
  links(): string[] {
    const maps = new Set<string>([...Object.values(MAPS), REPORTS].map(({ name }) => name));
    return existsSync(this.#folder) ? readdirSync(this.#folder).filter((name) => !maps.has(name)) : [];
  }

  /** Removes everything. */
  remove(): void {
    if (existsSync(this.#home)) rmSync(this.#home, { recursive: true, force: true });
    unmountBpfFs(this.#root);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #fits({ name, type, keySize, valueSize, maxEntries }: MapOptions): boolean {
    let fd: number;
    try {
      fd = getPinned(this.#path(name));
    } catch (error) {
      if (error instanceof SystemError) return false;
      throw error;
    }
    try {
      const is = mapOptions(fd);
      return (
        is.type === MAP_TYPES[type] &&
        is.keySize === keySize &&
        is.valueSize === valueSize &&
        is.maxEntries === maxEntries
      );
    } finally {
      closeFd(fd);
    }
  }

  #left(name: string, program: BpfProgram): BpfLink | undefined {
    let link: BpfLink | undefined;
    try {
      link = new BpfLink(getPinned(this.#path(name)));
      link.replace(program);
      return link;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // there is none, or its interface is gone
      link?.close();
      this.unpin(name);
      return undefined;
    }
  }
}

/** All records of the maps: where one of them differs, so does this. */
function layout(): string {
  return JSON.stringify([
    MAPS,
    FLOW4_KEY,
    FLOW6_KEY,
    FLOW,
    FLOW_ACTIONS,
    WAY,
    COUNTER,
    LEASE,
    LINK,
    REPORT,
    REPORTS,
  ]);
}
