/** A set whose items know how many want them. */

/** An item stays as long as anybody wants it. */
export class CountedSet<T> {
  /** Changes whenever an item comes or goes. */
  version = 0;
  readonly #entries = new Map<string, { readonly item: T; count: number }>();

  /** Wants the item once more. @param key equal for equal items. @returns true when nobody wanted it before. */
  add(key: string, item: T): boolean {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      entry.count++;
      return false;
    }
    this.#entries.set(key, { item, count: 1 });
    this.version++;
    return true;
  }

  /** Takes back one `add`. @returns the item when nobody wants it any more. */
  remove(key: string): T | undefined {
    const entry = this.#entries.get(key)!;
    if (--entry.count > 0) return undefined;
    this.#entries.delete(key);
    this.version++;
    return entry.item;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  *entries(): Generator<[key: string, item: T]> {
    for (const [key, { item }] of this.#entries) yield [key, item];
  }

  *[Symbol.iterator](): Generator<T> {
    for (const { item } of this.#entries.values()) yield item;
  }
}
