/**
 * What the data path is about to change on the machine, written down before it does: a daemon that was killed is repaired by the next one.
 * Rules and routes need no record: they carry ipvsd's own protocol number. Devices and what is set on them vanish with their holder.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Family } from '../../wire/inet.js';

/** The record. */
export interface Journal {
  /** Which namespace it is about (`NetnsIdentity.unique`). */
  readonly namespace: string;
  /** The device of the daemon that keeps the record: it is there as long as that daemon lives. */
  readonly device: string;
  /** What is there is to go on without the daemon, until it comes back (`--pin`). */
  readonly pinned: boolean;
  /** Families whose rule for local addresses was taken from its first place. */
  readonly localRules: readonly Family[];
  /** Sysctls with the values they had, in the order in which they are to be put back. */
  readonly sysctls: readonly (readonly [path: string, value: string])[];
  /** Addresses that were put on interfaces. */
  readonly addresses: readonly AddedAddress[];
}

/** An address that was put on an interface. */
export interface AddedAddress {
  readonly interface: string;
  readonly address: string;
  readonly prefixLength: number;
}

/** Where records are kept; empty after a restart of the machine, as the namespaces are. */
export const STATE_DIRECTORY = '/run/ipvsd';

/** The record of the namespace with this number. @param directory where records are kept. @default /run/ipvsd */
export function journalPath(inode: string, directory: string = STATE_DIRECTORY): string {
  return statePath(inode, 'state', directory);
}

/** A file that belongs to the same namespace. @param kind what is in it. */
export function statePath(inode: string, kind: string, directory: string = STATE_DIRECTORY): string {
  return join(directory, `netns-${inode}.${kind}`);
}

/** The record at `path`, or undefined when there is none that can be read. */
export function readJournal(path: string): Journal | undefined {
  try {
    const data = JSON.parse(readFileSync(path, 'utf8')) as Journal;
    const whole =
      typeof data.device === 'string' && Array.isArray(data.sysctls) && Array.isArray(data.localRules);
    return whole ? { ...data, pinned: data.pinned === true, addresses: data.addresses ?? [] } : undefined;
  } catch {
    // absent, or cut short by a full disk: nothing had been changed before it was whole
    return undefined;
  }
}

/** Writes the record; it is there as a whole or not at all. */
export function writeJournal(path: string, journal: Journal): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(`${path}.new`, `${JSON.stringify(journal, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Everything has been put back. */
export function removeJournal(path: string): void {
  rmSync(path, { force: true });
}
