/** A set whose items know how many want them. */

/** Something that somebody wants, until it is released. */
export interface Want {
  release(): void;
}

/** An item that stays as long as anybody wants it. One object for all who do: there may be a hundred thousand of them. */
class Counted<T> implements Want {
  readonly set: CountedSet<T>;
  readonly key: string;
  readonly item: T;
  count = 1;

  constructor(set: CountedSet<T>, key: string, item: T) {
    this.set = set;
    this.key = key;
    this.item = item;
  }

  release(): void {
    this.set.remove(this.key);
  }
}

/** Items by a key that is equal for equal ones. */
export class CountedSet<T> {
  /** Changes whenever an item comes or goes. */
  version = 0;
  readonly #entries = new Map<string, Counted<T>>();

  /** Wants the item once more. */
  add(key: string, item: T): Want {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      entry.count++;
      return entry;
    }
    const added = new Counted(this, key, item);
    this.#entries.set(key, added);
    this.version++;
    this.changed(key, item, true);
    return added;
  }

  /** Takes back one `add`. */
  remove(key: string): void {
    const entry = this.#entries.get(key)!;
    if (--entry.count > 0) return;
    this.#entries.delete(key);
    this.version++;
    this.changed(key, entry.item, false);
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

  /** Called when an item has come, or has gone. */
  protected changed(_key: string, _item: T, _there: boolean): void {}
}
