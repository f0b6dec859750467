/**
 * Kinds of plain data. A shape reads a value that came from outside, with errors that name the field and say what was
 * expected, and describes itself as JSON Schema: one definition serves the check and the documentation.
 */
import { IpvsError } from '../errors.js';
import { detailOf } from './command-error.js';
import { nearest } from './nearest.js';

/** A JSON Schema (draft 2020-12), as OpenAPI 3.1 takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A kind of plain data. */
export interface Shape<T> {
  /** What a good value is, with its article and range: `a port (0..65535)`. */
  readonly what: string;
  readonly schema: JsonSchema;
  /** The value, when it is good. Throws BAD_REQUEST naming `field`; what else is wrong inside are the error's `others`. */
  read(value: unknown, field: string): T;
}

/** A field that may be left out. */
export interface Optional<T> extends Shape<T> {
  readonly optional: true;
}

/** A field that may be left out and then has a value all the same. */
export interface Defaulted<T> extends Shape<T> {
  readonly fallback: T;
}

/** Errors in one value that are looked for: whoever has more to mend will ask again. */
const ERRORS_MAX = 100;

/** The type that a shape reads. */
export type Read<S> = S extends Shape<infer T> ? T : never;

type Fields = Readonly<Record<string, Shape<unknown>>>;
type OptionalKeys<F> = { [K in keyof F]: F[K] extends Optional<unknown> ? K : never }[keyof F];
type ReadFields<F> = { [K in Exclude<keyof F, OptionalKeys<F>>]: Read<F[K]> } & {
  [K in OptionalKeys<F>]?: Read<F[K]>;
};

/** A value as it is shown in a message: JSON, cut when it is long. */
export function show(value: unknown): string {
  const text = textFor(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function textFor(value: unknown): string {
  // those that JSON does not have
  if (typeof value === 'number') return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // what was read from YAML may lead back to itself
    return 'something without an end';
  }
}

/** The name of the field `key` inside `field`. */
export function fieldIn(field: string, key: string): string {
  return field === '' ? key : `${field}.${key}`;
}

/** What errors call a value that is no field of another. */
export const WHOLE = 'request';

function refuse(shape: { what: string }, value: unknown, field: string): never {
  throw new IpvsError('BAD_REQUEST', `${show(value)} is not ${shape.what}`, field === '' ? WHOLE : field);
}

/** What is wrong with the parts of one value: a shape goes on to its next part, so that all is found at once. */
export class Faults {
  readonly #errors: IpvsError[] = [];

  /** Has a part read, or notes what is wrong with it and gives undefined. */
  try<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      this.#errors.push(error, ...error.others);
      if (this.#errors.length >= ERRORS_MAX) this.end();
      return undefined;
    }
  }

  /** Throws the first error, with the others, if there was one. */
  end(): void {
    const [first, ...others] = this.#errors;
    if (first === undefined) return;
    throw others.length === 0 ? first : new IpvsError(first.code, detailOf(first), first.field, others);
  }
}

/** An integer in `min..max`; `noun` with its article, e.g. `a port`. */
export function integer(noun: string, min: number, max: number): Shape<number> {
  return {
    what: `${noun} (${min}..${max})`,
    schema: { type: 'integer', minimum: min, maximum: max },
    read(value, field) {
      return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
        ? (value as number) + 0 // -0 becomes 0
        : refuse(this, value, field);
    },
  };
}

/** A text of `min..max` characters without control characters. */
export function text(noun: string, min: number, max: number): Shape<string> {
  return {
    what: `${noun} (${min}..${max} characters)`,
    schema: { type: 'string', minLength: min, maxLength: max },
    read(value, field) {
      const good =
        typeof value === 'string' && value.length >= min && value.length <= max && !hasControl(value);
      return good ? value : refuse(this, value, field);
    },
  };
}

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) < 32) return true;
  return false;
}

/** A text that `accepts` says yes to. */
export function textOf(what: string, format: JsonSchema, accepts: (value: string) => boolean): Shape<string> {
  return {
    what,
    schema: { type: 'string', ...format },
    read(value, field) {
      return typeof value === 'string' && accepts(value) ? value : refuse(this, value, field);
    },
  };
}

/** Any text. Only describes results. */
export const anyText: Shape<string> = textOf('a text', {}, () => true);

/** Any number. Only describes results: nothing read from outside is a mere number. */
export const number: Shape<number> = {
  what: 'a number',
  schema: { type: 'number' },
  read(value, field) {
    return typeof value === 'number' ? value : refuse(this, value, field);
  },
};

/** True or false. */
export const boolean: Shape<boolean> = {
  what: 'true or false',
  schema: { type: 'boolean' },
  read(value, field) {
    return typeof value === 'boolean' ? value : refuse(this, value, field);
  },
};

/** Null: the result of a command that only does something. */
export const nothing: Shape<null> = {
  what: 'null',
  schema: { type: 'null' },
  read(value, field) {
    return value === null ? value : refuse(this, value, field);
  },
};

/** One of a few words. */
export function oneOf<const W extends string>(noun: string, words: readonly W[]): Shape<W> {
  return {
    what: `${noun} (${words.join(', ')})`,
    schema: { type: 'string', enum: words },
    read(value, field) {
      return words.find((word) => word === value) ?? refuse(this, value, field);
    },
  };
}

/** A list. */
export function list<T>(item: Shape<T>, max = Number.MAX_SAFE_INTEGER): Shape<T[]> {
  return {
    what: 'a list',
    schema: { type: 'array', items: item.schema },
    read(value, field) {
      if (!Array.isArray(value)) refuse(this, value, field);
      if (value.length > max) {
        throw new IpvsError('BAD_REQUEST', `${value.length} entries are too many (at most ${max})`, field);
      }
      const faults = new Faults();
      const out = value.map((entry, i) => faults.try(() => item.read(entry, `${field}[${i}]`)));
      faults.end();
      return out as T[];
    },
  };
}

/** A list of one or more; one by itself may stand without the list. */
export function oneOrMore<T>(item: Shape<T>): Shape<T[]> {
  const all = list(item);
  return {
    what: `${item.what}, or a list of such`,
    schema: { anyOf: [item.schema, { ...all.schema, minItems: 1 }] },
    read(value, field) {
      if (!Array.isArray(value)) return [item.read(value, field)];
      return value.length > 0 ? all.read(value, field) : refuse(this, value, field);
    },
  };
}

/** A table from any name to one kind of value. */
export function tableOf<T>(item: Shape<T>): Shape<Record<string, T>> {
  return {
    what: 'an object',
    schema: { type: 'object', additionalProperties: item.schema },
    read(value, field) {
      if (!isPlain(value)) refuse(this, value, field);
      const faults = new Faults();
      const out = Object.entries(value).map(([key, entry]) => [
        key,
        faults.try(() => item.read(entry, fieldIn(field, key))),
      ]);
      faults.end();
      return Object.fromEntries(out) as Record<string, T>;
    },
  };
}

/** An object with exactly these fields. */
export function object<F extends Fields>(fields: F): Shape<ReadFields<F>> {
  const names = Object.keys(fields);
  const required = names.filter((name) => !mayBeAbsent(fields[name]!));
  return {
    what: 'an object',
    schema: {
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, fields[name]!.schema])),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    },
    read(value, field) {
      if (!isPlain(value)) refuse(this, value, field);
      const faults = new Faults();
      for (const key of Object.keys(value)) {
        if (!Object.hasOwn(fields, key))
          faults.try(() => refuseUnknown(key, names, fieldIn(field, key.slice(0, 60))));
      }
      const out: Record<string, unknown> = {};
      for (const name of names) {
        const shape = fields[name]!;
        const entry = value[name];
        if (entry !== undefined) out[name] = faults.try(() => shape.read(entry, fieldIn(field, name)));
        else if ('fallback' in shape) out[name] = shape.fallback;
        else if (!mayBeAbsent(shape)) faults.try(() => refuseMissing(shape, fieldIn(field, name)));
      }
      faults.end();
      return out as ReadFields<F>;
    },
  };
}

/** How the message about a field begins that should not be there. */
export const UNKNOWN_FIELD = 'unknown field';

function refuseUnknown(key: string, names: readonly string[], field: string): never {
  const expected = names.length > 0 ? `expected ${names.join(', ')}` : 'expected none';
  const meant = nearest(key, names);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new IpvsError('BAD_REQUEST', `${UNKNOWN_FIELD} (${expected}${hint})`, field);
}

function refuseMissing({ what }: Shape<unknown>, field: string): never {
  throw new IpvsError('BAD_REQUEST', `missing: expected ${what}`, field);
}

/** An object that is `first` when it has the field `mark`, else `second`. */
export function either<A, B>(mark: string, first: Shape<A>, second: Shape<B>): Shape<A | B> {
  return {
    what: 'an object',
    schema: { anyOf: [second.schema, first.schema] },
    read(value, field) {
      return isPlain(value) && Object.hasOwn(value, mark)
        ? first.read(value, field)
        : second.read(value, field);
    },
  };
}

/** A field that may be left out. */
export function optional<T>(shape: Shape<T>): Optional<T> {
  return { ...shape, optional: true };
}

/** A field that is `fallback` when it is left out. */
export function withDefault<T>(shape: Shape<T>, fallback: T): Defaulted<T> {
  return { ...shape, schema: { ...shape.schema, default: fallback }, fallback };
}

/** A shape that has a name of its own in documents. */
export interface Named<T> extends Shape<T> {
  /** JSON Schema with the name as `$id`; `schema` only refers to it. */
  readonly definition: JsonSchema;
}

/** Gives a shape a name in documents. */
export function named<T>(name: string, shape: Shape<T>): Named<T> {
  return { ...shape, schema: { $ref: `${name}#` }, definition: { $id: name, ...shape.schema } };
}

/** The same shape with a sentence for readers of the schema. */
export function described<S extends Shape<unknown>>(shape: S, description: string): S {
  return { ...shape, schema: { ...shape.schema, description } };
}

function mayBeAbsent(shape: Shape<unknown>): boolean {
  return 'optional' in shape || 'fallback' in shape;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
