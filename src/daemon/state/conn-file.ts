/**
 * The connections of a director in a file: the words of `ConnWriter`, then everything else in JSON, then how long both are and a checksum. It is written in
 * parts, beside the packets, and takes its place when it is whole.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import { ConnWriter } from '../../engine/snapshot/conns.js';
import { type Remainder, remainderOf } from '../../engine/snapshot/remainder.js';
import { isRemainder } from '../../engine/snapshot/remainder-shape.js';
import { IpvsError } from '../../errors.js';
import { checkHead, type Head } from './rules-log.js';

/** Changes when older programs cannot read what is written, `ConnWriter`'s words included. */
const FORMAT = 1;
const MAGIC = new TextEncoder().encode('IPVSDCON');
/** Bytes behind all else: words of connections, bytes of JSON, checksum of all before it. */
const FOOTER = 12;
/** Words of one part: five hundred connections. */
const PART = 1 << 13;

/** The JSON of the file. */
interface Tail extends Head, Remainder {
  /** CLOCK_MONOTONIC, ms, at `jiffies`. */
  readonly time: number;
}

/** What was read. */
export interface SavedConns {
  readonly words: Int32Array;
  readonly remainder: Remainder;
  /** CLOCK_MONOTONIC, ms, when it was written. */
  readonly time: number;
}

/** CLOCK_MONOTONIC, ms: it goes on when a process ends, and begins anew with the machine. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** A file that is being written. */
export class ConnFile {
  readonly #path: string;
  readonly #namespace: string;
  readonly #ipvs: NetnsIpvs;
  readonly #conns: ConnWriter;
  readonly #part = new Int32Array(PART);
  #fd: number | undefined;
  #crc: number;
  readonly #clock: () => number;
  #words = 0;

  /** @param namespace see `RulesLog`. @param settle see `ConnWriter`. @param clock see `monotonic`. @throws what writing files throws */
  constructor(path: string, namespace: string, ipvs: NetnsIpvs, settle: boolean, clock: () => number) {
    this.#path = path;
    this.#namespace = namespace;
    this.#ipvs = ipvs;
    this.#clock = clock;
    this.#conns = new ConnWriter(ipvs, settle);
    this.#fd = openSync(`${path}.new`, 'w', 0o600);
    this.#crc = crc32(MAGIC);
    writeAll(this.#fd, MAGIC);
  }

  /** Writes a part. @returns true when that was the last one: the file is in its place. */
  step(): boolean {
    const count = this.#conns.write(this.#part);
    if (count > 0) {
      this.#write(new Uint8Array(this.#part.buffer, 0, 4 * count));
      this.#words += count;
      return false;
    }
    this.#finish();
    return true;
  }

  /** Forgets what was written. */
  abandon(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(`${this.#path}.new`, { force: true });
  }

  #finish(): void {
    const tail: Tail = {
      ipvsd: 'connections',
      format: FORMAT,
      namespace: this.#namespace,
      time: this.#clock(),
      ...remainderOf(this.#ipvs),
    };
    const json = new TextEncoder().encode(JSON.stringify(tail));
    this.#write(json);
    this.#write(new Uint8Array(Uint32Array.of(this.#words, json.length).buffer));
    writeAll(this.#fd!, new Uint8Array(Uint32Array.of(this.#crc).buffer));
    closeSync(this.#fd!);
    this.#fd = undefined;
    renameSync(`${this.#path}.new`, this.#path);
  }

  #write(bytes: Uint8Array): void {
    this.#crc = crc32(bytes, this.#crc);
    writeAll(this.#fd!, bytes);
  }
}

/**
 * Reads the file.
 * @returns undefined when there is none.
 * @throws BAD_STATE when it is damaged, of another format or about another namespace.
 */
export function readConns(path: string, namespace: string): SavedConns | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (bytes.length < MAGIC.length + FOOTER || MAGIC.some((byte, i) => byte !== bytes[i]))
    throw new IpvsError('BAD_STATE', 'no file with connections of ipvsd');
  const end = bytes.length - FOOTER;
  if (crc32(bytes.subarray(0, end + 8)) !== bytes.readUInt32LE(end + 8))
    throw new IpvsError('BAD_STATE', 'its checksum is wrong');
  const words = bytes.readUInt32LE(end);
  const from = MAGIC.length + 4 * words;
  if (from + bytes.readUInt32LE(end + 4) !== end) throw new IpvsError('BAD_STATE', 'its lengths are wrong');
  const tail = JSON.parse(bytes.toString('utf8', from, end)) as Tail;
  checkHead(tail, 'connections', FORMAT, namespace);
  if (!isRemainder(tail) || !Number.isFinite(tail.time))
    throw new IpvsError('BAD_STATE', 'what is behind its connections is not what this program writes');
  return {
    // a copy, since a small file is read to anywhere
    words: new Int32Array(bytes.buffer.slice(bytes.byteOffset + MAGIC.length, bytes.byteOffset + from)),
    remainder: tail,
    time: tail.time,
  };
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
