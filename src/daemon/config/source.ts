/** The places in a configuration's text that problems are about. */
import { detailOf } from '../../control/command-error.js';
import { UNKNOWN_FIELD, WHOLE } from '../../control/shape.js';
import type { IpvsError } from '../../errors.js';
import { ConfigDocument, type Problem } from './document.js';
import { countLines, cutServices, type ServiceBlocks } from './service-blocks.js';

/** A text whose fields can be found. */
export interface ConfigSource {
  /** A problem with the field `path`. @param atKey it is about the field's name */
  problemAt(path: string, message: string, atKey: boolean): Problem;
}

/** The text, in pieces where it can be cut: only those are understood that something is asked about. */
export function openSource(text: string): ConfigSource {
  const cut = cutServices(text);
  return cut === undefined ? new ConfigDocument(text) : new CutSource(text, cut);
}

/** Errors about fields, each with its place. */
export function problemsOf(source: ConfigSource, errors: readonly IpvsError[]): Problem[] {
  return errors.map((error) => {
    const detail = detailOf(error);
    // of a whole text there is nothing to be named
    const message = error.field === WHOLE ? detail : error.message;
    return source.problemAt(error.field ?? '', message, detail.startsWith(UNKNOWN_FIELD));
  });
}

/** Stands for what is not a block, where blocks have their numbers. */
const REST = -1;

/** A text that was cut. */
export class CutSource implements ConfigSource {
  readonly #text: string;
  readonly #cut: ServiceBlocks;
  /** The piece that was asked about last. */
  #last: { readonly index: number; readonly document: ConfigDocument } | undefined;

  constructor(text: string, cut: ServiceBlocks) {
    this.#text = text;
    this.#cut = cut;
  }

  problemAt(path: string, message: string, atKey: boolean): Problem {
    const [whole, number] = /^services\[(\d+)\]/.exec(path) ?? [];
    const block = this.#cut.blocks[Number(number)];
    if (whole === undefined || block === undefined) {
      return this.inRest(this.#documentOf(REST, this.#cut.rest).problemAt(path, message, atKey));
    }
    const document = this.#documentOf(Number(number), block.text);
    const inside = document.problemAt(`[0]${path.slice(whole.length)}`, message, atKey);
    return this.inBlock(Number(number), inside);
  }

  /** One piece has many problems, one after the other. */
  #documentOf(index: number, text: string): ConfigDocument {
    if (this.#last?.index !== index) this.#last = { index, document: new ConfigDocument(text) };
    return this.#last.document;
  }

  /** A problem of a block as one of the whole text. */
  inBlock(index: number, problem: Problem): Problem {
    return { ...problem, line: problem.line + countLines(this.#text, 0, this.#cut.blocks[index]!.start) };
  }

  /** A problem of the rest as one of the whole text. */
  inRest(problem: Problem): Problem {
    const { cutLine, cutLines } = this.#cut;
    return problem.line > cutLine ? { ...problem, line: problem.line + cutLines } : problem;
  }
}
