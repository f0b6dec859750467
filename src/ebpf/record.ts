/**
 * Typed layouts of C structures: packet headers, contexts, keys and values of maps. One table of fields gives both the operands of BPF
 * instructions and the readers and writers of the same bytes in TypeScript.
 */
import { IpvsError } from '../errors.js';
import type { Memory, Register } from './operand.js';

const HIGH_WORD = 0x1_0000_0000;
/** BPF has the machine's own byte order; this project's programs are for little-endian machines only. */
const LITTLE = true;

/** How a field lies in memory, and what it is in TypeScript. */
export interface FieldType<T> {
  /** Bytes. */
  readonly size: number;
  /** The offset is a multiple of it. */
  readonly align: number;
  get(view: DataView, at: number): T;
  set(view: DataView, at: number, value: T): void;
}

function int(
  size: number,
  get: (v: DataView, at: number) => number,
  set: (v: DataView, at: number, n: number) => void,
): FieldType<number> {
  return { size, align: size, get, set };
}

export const u8 = int(
  1,
  (v, at) => v.getUint8(at),
  (v, at, n) => v.setUint8(at, n),
);
export const u16 = int(
  2,
  (v, at) => v.getUint16(at, LITTLE),
  (v, at, n) => v.setUint16(at, n, LITTLE),
);
export const u32 = int(
  4,
  (v, at) => v.getUint32(at, LITTLE),
  (v, at, n) => v.setUint32(at, n, LITTLE),
);
/** A number below 2^53. */
export const u64 = int(
  8,
  (v, at) => v.getUint32(at + 4, LITTLE) * HIGH_WORD + v.getUint32(at, LITTLE),
  (v, at, n) => {
    v.setUint32(at + 4, Math.floor(n / HIGH_WORD), LITTLE);
    v.setUint32(at, n >>> 0, LITTLE);
  },
);
/** In network order. */
export const be16 = int(
  2,
  (v, at) => v.getUint16(at),
  (v, at, n) => v.setUint16(at, n),
);
/** In network order; a signed integer, as the words of addresses are. */
export const be32 = int(
  4,
  (v, at) => v.getInt32(at),
  (v, at, n) => v.setInt32(at, n),
);

/** `count` bytes without any order. Reading gives a copy. @param align of its offset. */
export function bytes(count: number, align = 1): FieldType<Uint8Array> {
  return {
    size: count,
    align,
    get: (v, at) => new Uint8Array(v.buffer, v.byteOffset + at, count).slice(),
    set: (v, at, value) => {
      if (value.length !== count)
        throw new IpvsError('SYSTEM', `${value.length} bytes for a field of ${count}`);
      new Uint8Array(v.buffer, v.byteOffset + at, count).set(value);
    },
  };
}

type Types = Readonly<Record<string, FieldType<never> | FieldType<number> | FieldType<Uint8Array>>>;
type ValueOf<F> = F extends FieldType<infer T> ? T : never;

/** The TypeScript side of a record. */
export type Values<F extends Types> = { -readonly [K in keyof F]: ValueOf<F[K]> };

/** A field with its place. */
export type Field<T> = FieldType<T> & { readonly offset: number };

/** A structure. */
export interface RecordLayout<F extends Types> {
  readonly name: string;
  /** Bytes, padding at the end included. */
  readonly size: number;
  readonly fields: { readonly [K in keyof F]: Field<ValueOf<F[K]>> };
  /** The fields as operands, for a record that lies at `base + offset`. */
  at(base: Register, offset?: number): { readonly [K in keyof F]: Memory };
  read(view: DataView, at: number): Values<F>;
  /** Writes the given fields; the others stay. */
  write(view: DataView, at: number, values: Partial<Values<F>>): void;
}

/**
 * A structure whose fields follow each other as C lays them out: each aligned to its size.
 * @param name what its fields are called by in listings.
 * @param size bytes, where the structure goes on behind the fields that are of interest.
 */
export function record<F extends Types>(name: string, types: F, size?: number): RecordLayout<F> {
  let end = 0;
  let align = 1;
  const entries = Object.entries(types).map(([key, type]) => {
    const offset = Math.ceil(end / type.align) * type.align;
    end = offset + type.size;
    align = Math.max(align, type.align);
    return [key, { ...type, offset }] as const;
  });
  return layout(name, entries, size ?? Math.ceil(end / align) * align);
}

/** A structure of which only some fields are of interest, each with its offset. */
export function sparseRecord<F extends Types>(
  name: string,
  size: number,
  types: { [K in keyof F]: readonly [offset: number, type: F[K]] },
): RecordLayout<F> {
  const entries = Object.entries(types).map(([key, [offset, type]]) => [key, { ...type, offset }] as const);
  return layout(name, entries, size);
}

function layout<F extends Types>(
  name: string,
  entries: readonly (readonly [string, Field<never> | Field<number> | Field<Uint8Array>])[],
  size: number,
): RecordLayout<F> {
  type Any = Field<unknown>;
  return {
    name,
    size,
    fields: Object.fromEntries(entries) as RecordLayout<F>['fields'],
    at: (base, offset = 0) =>
      Object.fromEntries(
        entries.map(([key, field]) => [
          key,
          { base, offset: offset + field.offset, size: field.size, name: `${name}.${key}` },
        ]),
      ) as { [K in keyof F]: Memory },
    read: (view, at) =>
      Object.fromEntries(
        entries.map(([key, field]) => [key, (field as Any).get(view, at + field.offset)]),
      ) as Values<F>,
    write: (view, at, values) => {
      for (const [key, field] of entries) {
        const value = values[key];
        if (value !== undefined) (field as Any).set(view, at + field.offset, value);
      }
    },
  };
}
