/** What a record of rules is: a file may come from a program that is not this one, and half of a record is worse than none. */
import { daemonSpec, destFields, serviceKey, serviceSpec, vipSpec } from '../../control/fields.js';
import { drainFields } from '../../control/option-fields.js';
import { anyText, integer, list, object, optional, type Shape, tableOf } from '../../control/shape.js';
import { IpvsError } from '../../errors.js';
import type { RulesRecord } from './rules-log.js';

const INT32_MAX = 0x7fff_ffff;

const number: Shape<number> = {
  what: 'a number',
  schema: { type: 'number' },
  read(value, field) {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new IpvsError('BAD_REQUEST', 'not a number', field);
  },
};

const drain = object({ ...drainFields, weight: integer('a weight', 0, INT32_MAX), since: number });

const dest = object({
  ...destFields,
  number: integer("a server's number", 0, INT32_MAX),
  drain: optional(drain),
});

/** By the field that only this record has. */
const SHAPES: Readonly<Record<string, Shape<object>>> = {
  gone: object({ gone: serviceKey }),
  service: object({ service: serviceSpec, dests: list(dest) }),
  sysctl: object({ sysctl: tableOf(anyText) }),
  timeouts: object({ timeouts: tableOf(integer('a number of seconds', 0, INT32_MAX)) }),
  sync: object({ sync: list(daemonSpec) }),
  vips: object({ vips: list(vipSpec) }),
};

/** The record that `value` is. @throws BAD_STATE */
export function readRecord(value: unknown, line: number): RulesRecord {
  const kind = Object.keys(SHAPES).find((name) => Object.hasOwn(Object(value) as object, name));
  if (kind === undefined) throw new IpvsError('BAD_STATE', `line ${line}: no record`);
  try {
    return SHAPES[kind]!.read(value, '') as RulesRecord;
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    throw new IpvsError('BAD_STATE', `line ${line}: ${error.message}`);
  }
}
