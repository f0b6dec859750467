/** A counted set that tells what has come and gone since it was last asked. */
import { CountedSet } from './counted-set.js';

/** An item that has come or gone. */
export interface Change<T> {
  readonly item: T;
  /** It is in the set now. */
  readonly there: boolean;
}

/** As {@link CountedSet}; what comes and goes costs no look at the rest. */
export class ChangingSet<T> extends CountedSet<T> {
  readonly #changes = new Map<string, Change<T>>();

  /** The last change of each item since the last call. */
  takeChanges(): Change<T>[] {
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    return changes;
  }

  protected override changed(key: string, item: T, there: boolean): void {
    this.#changes.set(key, { item, there });
  }
}
