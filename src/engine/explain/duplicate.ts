/** Copies of plain state. */

/** A copy of an object made of numbers, texts, typed arrays, lists and objects of the same kind, with their classes. Nothing of it is shared. */
export function duplicate<T extends object>(value: T): T {
  if (ArrayBuffer.isView(value)) return (value as unknown as Int32Array).slice() as unknown as T;
  const copy: object = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value));
  for (const [key, entry] of Object.entries(value)) {
    Reflect.set(copy, key, typeof entry === 'object' && entry !== null ? duplicate(entry as object) : entry);
  }
  return copy as T;
}
