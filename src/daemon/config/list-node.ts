/** Lists of things in a YAML document, edited in place. */
import { type Document, isMap, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import { IpvsError } from '../../errors.js';

/** A node that is written where it stands. @throws BAD_CONFIG for an alias: changing it would change other places */
export function ownMap(node: unknown, what: string): YAMLMap {
  if (isMap(node)) return node;
  throw new IpvsError(
    'BAD_CONFIG',
    `${what} is an alias of another part of the text: it cannot be changed alone`,
  );
}

/** Gives a field a value; a comment behind it stays. */
export function setField(document: Document, map: YAMLMap, name: string, value: unknown): void {
  const old = map.get(name, true);
  if (isScalar(old) && typeof value !== 'object') old.value = value;
  else map.set(name, document.createNode(value, { flow: true }));
}

/** One list, below a map that need not have it yet. Entries are known by ids, which the text does not spell out. */
export class ListNode {
  readonly #document: Document;
  readonly #parent: () => YAMLMap;
  readonly #name: string;
  readonly #ids: string[];

  /** @param ids of the entries that are there, in order. */
  constructor(document: Document, parent: () => YAMLMap, name: string, ids: readonly string[]) {
    this.#document = document;
    this.#parent = parent;
    this.#name = name;
    this.#ids = [...ids];
  }

  /** The entry `id`, which is there. @throws BAD_CONFIG for an alias */
  find(id: string): YAMLMap {
    return ownMap(this.#items()[this.#ids.indexOf(id)], id);
  }

  /** True when the entry `id` is there. */
  has(id: string): boolean {
    return this.#ids.includes(id);
  }

  add(id: string, entry: Node): void {
    const parent = this.#parent();
    parent.flow = parent.flow === true && parent.items.length > 0;
    if (!isSeq(parent.get(this.#name, true))) parent.set(this.#name, this.#document.createNode([]));
    const list = parent.get(this.#name, true) as unknown as YAMLSeq;
    // an empty list is written as [], and would stay on one line
    if (list.items.length === 0 && !parent.flow) list.flow = false;
    list.add(entry);
    this.#ids.push(id);
  }

  remove(id: string): void {
    const index = this.#ids.indexOf(id);
    this.#items().splice(index, 1);
    this.#ids.splice(index, 1);
  }

  #items(): unknown[] {
    const list = this.#parent().get(this.#name, true);
    if (isSeq(list)) return list.items;
    throw new IpvsError(
      'BAD_CONFIG',
      `${this.#name} is an alias of another part of the text: it cannot be changed alone`,
    );
  }
}
