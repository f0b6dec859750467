/** Builders of sync messages for tests, also of malformed ones. They share no code with `src/engine/sync`. */
import { concat } from './bytes.js';
import { addr, pack, udp } from './packets.js';

/** Connection flags that messages carry. */
export const FLAG = {
  MASQ: 0,
  LOCALNODE: 1,
  TUNNEL: 2,
  DROUTE: 3,
  BYPASS: 4,
  HASHED: 0x40,
  NOOUTPUT: 0x80,
  INACTIVE: 0x100,
  OUT_SEQ: 0x200,
  IN_SEQ: 0x400,
  NO_CPORT: 0x800,
  TEMPLATE: 0x1000,
  ONE_PACKET: 0x2000,
} as const;

/** One connection, as a message tells it. */
export interface EntrySpec {
  /** 6 (TCP). */
  readonly protocol?: number;
  /** MASQ. */
  readonly flags?: number;
  /** 1: ESTABLISHED. */
  readonly state?: number;
  /** Address and port. */
  readonly client: readonly [string, number];
  readonly virtual: readonly [string, number];
  readonly dest: readonly [string, number];
  readonly fwmark?: number;
  /** Seconds; 900. Version 1 only. */
  readonly timeout?: number;
  /** Version 1: options, made by {@link option}. Version 0: the sequence numbers. */
  readonly options?: readonly Uint8Array[];
  /** Overrides the entry's type, its version and its length. */
  readonly type?: number;
  readonly version?: number;
  readonly length?: number;
}

/** An option: type, length, data. @param length overrides the true one. */
export function option(type: number, data: Uint8Array, length = data.length): Uint8Array {
  return concat(Uint8Array.of(type, length), data);
}

/** Six 32-bit numbers, big-endian: what the option 1 holds. */
export function seqNumbers(...numbers: readonly number[]): Uint8Array {
  return pack(...numbers.map((n) => [32, n] as const));
}

/** An entry of version 1, without padding behind it. */
export function entryV1(e: EntrySpec): Uint8Array {
  const options = concat(...(e.options ?? []));
  const addresses = concat(addr(e.client[0]), addr(e.virtual[0]), addr(e.dest[0]));
  const length = e.length ?? 24 + addresses.length + options.length;
  return concat(
    pack(
      [8, e.type ?? (addresses.length === 48 ? 1 : 0)],
      [8, e.protocol ?? 6],
      [4, e.version ?? 0],
      [12, length],
      [32, e.flags ?? 0],
      [16, e.state ?? 1],
      [16, e.client[1]],
      [16, e.virtual[1]],
      [16, e.dest[1]],
      [32, e.fwmark ?? 0],
      [32, e.timeout ?? 900],
    ),
    addresses,
    options,
  );
}

/** An entry of version 0. */
export function entryV0(e: EntrySpec): Uint8Array {
  return concat(
    pack([8, 0], [8, e.protocol ?? 6], [16, e.client[1]], [16, e.virtual[1]], [16, e.dest[1]]),
    addr(e.client[0]),
    addr(e.virtual[0]),
    addr(e.dest[0]),
    pack([16, e.flags ?? 0], [16, e.state ?? 1]),
    ...(e.options ?? []),
  );
}

/** What of a message's header may be wrong. */
export interface HeaderSpec {
  /** 7. */
  readonly syncid?: number;
  /** Overrides the true number of entries, and of bytes. */
  readonly count?: number;
  readonly size?: number;
  /** Version 1: 0, 1 and 0. */
  readonly reserved?: number;
  readonly version?: number;
  readonly spare?: number;
}

/** A message of version 1. Entries begin at multiples of 4 bytes. */
export function messageV1(entries: readonly Uint8Array[], h: HeaderSpec = {}): Uint8Array {
  const padded = entries.map((e, i) =>
    i < entries.length - 1 ? concat(e, new Uint8Array(-e.length & 3)) : e,
  );
  const body = concat(...padded);
  const header = pack(
    [8, h.reserved ?? 0],
    [8, h.syncid ?? 7],
    [16, h.size ?? 8 + body.length],
    [8, h.count ?? entries.length],
    [8, h.version ?? 1],
    [16, h.spare ?? 0],
  );
  return concat(header, body);
}

/** A message of version 0. */
export function messageV0(entries: readonly Uint8Array[], h: HeaderSpec = {}): Uint8Array {
  const body = concat(...entries);
  const header = pack([8, h.count ?? entries.length], [8, h.syncid ?? 7], [16, h.size ?? 4 + body.length]);
  return concat(header, body);
}

/** The packet that carries a message from the host `from`. */
export function syncPacket(
  from: string,
  message: Uint8Array,
  { group = '224.0.0.81', port = 8848, ttl = 1 } = {},
): Uint8Array {
  return udp(from, 50_000, group, port, { data: message, ttl });
}
