/** JSON from anybody. */
import { IpvsError } from '../../errors.js';

/** Objects and lists inside one another. No request has a dozen; whatever handles them may call itself for each. */
const DEPTH_MAX = 64;

/** @throws BAD_REQUEST for what is no JSON, or nested deeper than any request is. */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new IpvsError('BAD_REQUEST', `not JSON: ${(error as Error).message}`, 'body');
  }
  if (isDeep(value)) throw new IpvsError('BAD_REQUEST', `nested more than ${DEPTH_MAX} deep`, 'body');
  return value;
}

/** Level by level, so that it needs no stack. */
function isDeep(value: unknown): boolean {
  let level = [value].filter(isObject);
  for (let depth = 0; depth < DEPTH_MAX && level.length > 0; depth++)
    level = level.flatMap((each) => Object.values(each).filter(isObject));
  return level.length > 0;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
