/** Servers that health checks have found down, remembered for the next daemon: it begins with what this one knew. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DestKey, ServiceKey } from '../control/command.js';
import { destId, serviceId } from '../control/resource-id.js';
import { journalPath } from '../datapath/tun/journal.js';
import { netnsInode } from '../linux/netns-names.js';
import type { DaemonSettings } from './config/config.js';
import type { Logger } from './logger.js';

/** Those of one network namespace. */
export class DownServers {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  /** Of the daemon before. */
  readonly #before: ReadonlySet<string>;
  readonly #now = new Set<string>();
  #writing = false;

  /** @param path of the file that has them. @param onError told when it cannot be written */
  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
    this.#before = read(path);
  }

  /** Whether a server that is to be checked was down when the daemon before ended. */
  wasDown(service: ServiceKey, dest: DestKey): boolean {
    const word = wordFor(service, dest);
    if (!this.#before.has(word)) return false;
    this.#now.add(word);
    return true;
  }

  /** Notes how a server is. The file is written when all that happens now has been noted. */
  note(service: ServiceKey, dest: DestKey, up: boolean): void {
    const word = wordFor(service, dest);
    if (up) this.#now.delete(word);
    else this.#now.add(word);
    if (this.#writing) return;
    this.#writing = true;
    setImmediate(() => this.#write());
  }

  #write(): void {
    this.#writing = false;
    try {
      if (this.#now.size === 0) {
        rmSync(this.#path, { force: true });
        return;
      }
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o755 });
      writeFileSync(`${this.#path}.new`, `${JSON.stringify([...this.#now])}\n`, { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.#onError(error);
    }
  }
}

/** Those that were down in a namespace when the daemon before ended; undefined where nothing on the machine is to be touched. */
export function rememberedDown(
  { datapath }: DaemonSettings,
  netns: string | undefined,
  log: Logger,
): DownServers | undefined {
  const inode = datapath === 'none' ? undefined : netnsInode(netns);
  if (inode === undefined) return undefined;
  const path = journalPath(inode).replace(/\.state$/, '.health');
  return new DownServers(path, (error) =>
    log.warn('servers that are down not written', { netns, error: String(error) }),
  );
}

function wordFor(service: ServiceKey, dest: DestKey): string {
  return `${serviceId(service)} ${destId(dest)}`;
}

function read(path: string): ReadonlySet<string> {
  try {
    const words: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return new Set(Array.isArray(words) ? words.map(String) : []);
  } catch {
    // none was down, or nothing is known
    return new Set();
  }
}
