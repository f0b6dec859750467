/**
 * The rules of a director in a file that is right at every moment: first all of them, then each change behind. A line is a checksum and a record in JSON;
 * a later record takes the place of an earlier one about the same.
 */
import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { DaemonSpec, DestSpec, ServiceKey, ServiceSpec, VipSpec } from '../../control/command.js';
import { keyOf } from '../../control/fields.js';
import { serviceId } from '../../control/resource-id.js';
import type { DrainPolicy } from '../../engine/service-options.js';
import { IpvsError } from '../../errors.js';
import { readRecord } from './rules-shape.js';

/** Changes when older programs cannot read what is written. */
const FORMAT = 1;
/** Changes after which the file is written anew, when they are also more than it began with. */
const CHANGES = 1000;

/** What a server that is being drained comes back to. */
export interface SavedDrain extends DrainPolicy {
  /** The weight that it has when it is to stay after all. */
  readonly weight: number;
  /** CLOCK_MONOTONIC, ms, when it began. */
  readonly since: number;
}

/** A real server with the engine's number for it, by which maps of the kernel know it. */
export type NumberedDest = DestSpec & { number: number; drain?: SavedDrain };

/** A service as it is on record. */
export interface SavedService {
  readonly service: ServiceSpec;
  /** The newest first. */
  readonly dests: readonly NumberedDest[];
}

/** What is true from now on. */
export type RulesRecord =
  | SavedService
  | { readonly gone: ServiceKey }
  /** Those that are not as they are by themselves. */
  | { readonly sysctl: Readonly<Record<string, string>> }
  | { readonly timeouts: Readonly<Record<string, number>> }
  | { readonly sync: readonly DaemonSpec[] }
  | { readonly vips: readonly VipSpec[] };

/** All rules. */
export interface SavedRules {
  readonly sysctl: Readonly<Record<string, string>>;
  readonly timeouts: Readonly<Record<string, number>>;
  readonly sync: readonly DaemonSpec[];
  readonly vips: readonly VipSpec[];
  /** The oldest first. */
  readonly services: readonly SavedService[];
}

/** The file while a director works. */
export class RulesLog {
  readonly #path: string;
  readonly #namespace: string;
  #fd: number | undefined;
  #least = 0;
  #changes = 0;

  /** @param namespace `NetnsIdentity.unique` of what the rules are in. */
  constructor(path: string, namespace: string) {
    this.#path = path;
    this.#namespace = namespace;
  }

  /** It has grown: it is time to write all rules anew. */
  get long(): boolean {
    return this.#changes > Math.max(CHANGES, this.#least);
  }

  /** Begins anew with these records. The file is there as a whole, or as it was before. @throws what writing files throws */
  rewrite(records: readonly RulesRecord[]): void {
    this.close();
    const head = { ipvsd: 'rules', format: FORMAT, namespace: this.#namespace, records: records.length };
    this.#fd = openSync(`${this.#path}.new`, 'w', 0o600);
    writeAll(this.#fd, [head, ...records].map(toLine).join(''));
    renameSync(`${this.#path}.new`, this.#path);
    this.#least = records.length;
    this.#changes = 0;
  }

  /** Adds changes. */
  append(records: readonly RulesRecord[]): void {
    writeAll(this.#fd!, records.map(toLine).join(''));
    this.#changes += records.length;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/**
 * Reads the file.
 * @param namespace see {@link RulesLog}.
 * @returns undefined when there is none.
 * @throws BAD_STATE when it is damaged, of another format or about another namespace.
 */
export function readRules(path: string, namespace: string): SavedRules | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const lines = text.split('\n');
  // whoever was killed in the midst of a line had not carried out what it is about
  lines.pop();
  const [head, ...values] = lines.map(fromLine) as [RulesHead | undefined, ...unknown[]];
  checkHead(head, 'rules', FORMAT, namespace);
  if (values.length < head!.records!) throw new IpvsError('BAD_STATE', 'its end is missing');
  return together(values.map((value, i) => readRecord(value, i + 2)));
}

/** The first thing in a state file. */
export interface Head {
  readonly ipvsd?: unknown;
  readonly format?: unknown;
  readonly namespace?: unknown;
}

interface RulesHead extends Head {
  /** How many were written at once: what follows may be missing, if nobody lived to carry it out. */
  readonly records?: number;
}

/** @throws BAD_STATE unless the file is what is looked for. */
export function checkHead(head: Head | undefined, kind: string, format: number, namespace: string): void {
  if (head?.ipvsd !== kind) throw new IpvsError('BAD_STATE', `no file with ${kind} of ipvsd`);
  if (head.format !== format)
    throw new IpvsError('BAD_STATE', `format ${String(head.format)}: expected ${format}`);
  if (head.namespace !== namespace)
    throw new IpvsError('BAD_STATE', 'about a network namespace that is gone');
}

function together(records: readonly RulesRecord[]): SavedRules {
  const services = new Map<string, SavedService>();
  let rules: Omit<SavedRules, 'services'> = { sysctl: {}, timeouts: {}, sync: [], vips: [] };
  for (const record of records) {
    if ('gone' in record) services.delete(serviceId(record.gone));
    else if ('service' in record) services.set(serviceId(keyOf(record.service)), record);
    else rules = { ...rules, ...record };
  }
  return { ...rules, services: [...services.values()] };
}

function toLine(record: RulesRecord | Head): string {
  const json = JSON.stringify(record);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

function fromLine(line: string, index: number): unknown {
  const json = line.slice(9);
  if (line.slice(0, 9) !== `${crc32(json).toString(16).padStart(8, '0')} `)
    throw new IpvsError('BAD_STATE', `line ${index + 1} is damaged`);
  return JSON.parse(json);
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
