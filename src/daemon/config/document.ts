/** A configuration's text as data, with the place of everything in it. YAML 1.2, and so JSON too. */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
} from 'yaml';
import { parseYaml } from './parse-yaml.js';

/** Something that is wrong in a configuration. Lines and columns count from 1. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  /** Begins with the path of the field, when it is about one. */
  readonly message: string;
}

/** A text that was read. */
export class ConfigDocument {
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed | undefined;
  readonly #problems: Problem[];
  #data: unknown;

  constructor(text: string) {
    // the parser itself does not count the lines of what it cannot read
    for (let at = 0; at >= 0; at = text.indexOf('\n', at) + 1 || -1) this.#lines.addNewLine(at);
    const { document, faults } = parseYaml(text);
    this.#document = document;
    this.#problems = faults.map(({ offset, message }) => this.#problem(offset, message));
    if (this.#problems.length === 0) this.#read();
  }

  /** What keeps the text from being data; empty when it is. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** The data: an empty object for a text that says nothing. */
  get data(): unknown {
    return this.#data ?? {};
  }

  /** A problem with the field `path`, such as `services[2].dests[0].port`. @param atKey it is about the key itself. */
  problemAt(path: string, message: string, atKey: boolean): Problem {
    return this.#problem(this.#offsetOf(path, atKey), message);
  }

  #read(): void {
    try {
      this.#data = this.#document?.toJS();
    } catch (error) {
      // aliases without an end, or with too many of them
      this.#problems.push(this.#problem(0, (error as Error).message));
    }
  }

  #problem(offset: number, message: string): Problem {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1), message };
  }

  /** Offset of the field, or of the nearest thing around it that is there. */
  #offsetOf(path: string, atKey: boolean): number {
    let node: unknown = this.#document?.contents;
    let offset = startOf(node) ?? 0;
    let rest = path;
    while (rest !== '') {
      if (isAlias(node)) node = node.resolve(this.#document!);
      const step = isSeq(node)
        ? itemAt(node.items, rest)
        : isMap(node)
          ? pairAt(node.items, rest)
          : undefined;
      if (step === undefined) return offset;
      rest = step.rest;
      node = step.node;
      const key = startOf(step.key);
      const value = isScalar(node) && node.range?.[0] !== node.range?.[1] ? startOf(node) : undefined;
      // a key says more than the first thing behind it
      offset = (rest === '' && atKey ? (key ?? value) : (value ?? key ?? startOf(node))) ?? offset;
    }
    return offset;
  }
}

interface Found {
  readonly node: unknown;
  readonly key?: unknown;
  /** What of the path leads on from here. */
  readonly rest: string;
}

function itemAt(items: readonly unknown[], path: string): Found | undefined {
  const [whole, index] = /^\[(\d+)\]\.?/.exec(path) ?? [];
  if (whole === undefined || Number(index) >= items.length) return undefined;
  return { node: items[Number(index)], rest: path.slice(whole.length) };
}

/** Names may have dots themselves: the longest that fits is meant. */
function pairAt(pairs: readonly Pair[], path: string): Found | undefined {
  let best: Found | undefined;
  for (const pair of pairs) {
    if (!isPair(pair)) continue;
    const name = isScalar(pair.key) ? String(pair.key.value) : undefined;
    if (name === undefined || !path.startsWith(name) || !/^($|[.[])/.test(path.slice(name.length))) continue;
    const rest = path.slice(name.length).replace(/^\./, '');
    if (best === undefined || rest.length < best.rest.length)
      best = { node: pair.value, key: pair.key, rest };
  }
  return best;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
