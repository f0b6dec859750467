/** Everything that an object reaches, as one text: two texts are equal when nothing has changed in between. */

import assert from 'node:assert/strict';

/** @param but names of properties that do not count. */
export function stateText(root: object, but: readonly string[] = []): string {
  const seen = new Map<object, number>();
  const skipped = new Set(but);
  const out: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) {
      out.push(typeof value === 'function' ? 'f' : String(value));
      return;
    }
    const known = seen.get(value);
    if (known !== undefined) {
      out.push(`#${known}`);
      return;
    }
    seen.set(value, seen.size);
    if (ArrayBuffer.isView(value)) {
      out.push(value instanceof DataView ? 'view' : (value as unknown as Uint8Array).join());
    } else if (Array.isArray(value)) for (const entry of value) walk(entry);
    else if (value instanceof Map || value instanceof Set) for (const entry of value) walk(entry);
    else {
      for (const key of Object.keys(value)) {
        if (skipped.has(key)) continue;
        out.push(key);
        walk((value as Record<string, unknown>)[key]);
      }
    }
    out.push(';');
  };
  walk(root);
  return out.join(' ');
}

/** Characters around a difference that are shown. */
const AROUND = 120;

/** Nothing has changed since `before` was the text. @throws AssertionError with what is around the first difference */
export function assertUnchanged(
  root: object,
  before: string,
  message: string,
  but?: readonly string[],
): void {
  const after = stateText(root, but);
  if (after === before) return;
  let at = 0;
  while (after[at] === before[at]) at++;
  const part = (text: string): string => text.slice(Math.max(0, at - AROUND), at + AROUND);
  assert.fail(`${message}: before\n${part(before)}\nand after\n${part(after)}`);
}
