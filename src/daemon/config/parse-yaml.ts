/**
 * YAML from anybody, parsed in time and space that the text's length bounds: the parser of the library goes as deep as the text does, until no stack is
 * left, and compares each key of a map with all others.
 */
import { Composer, type Document, isScalar, Lexer, type Pair, type ParsedNode, Parser, visit } from 'yaml';

/** Something that is wrong with a text as YAML, and the offset at which it is. */
export interface YamlFault {
  readonly offset: number;
  readonly message: string;
}

/** A text as its first document. */
export interface ParsedYaml {
  /** Undefined for a text that says nothing, or cannot be read at all. */
  readonly document: Document.Parsed | undefined;
  readonly faults: readonly YamlFault[];
}

/** Maps and lists inside one another. No configuration has a dozen. */
export const DEPTH_MAX = 64;

class TooDeepError extends Error {}

/** Parses a text; see above. */
export function parseYaml(text: string): ParsedYaml {
  const composer = new Composer({
    merge: true,
    prettyErrors: false,
    uniqueKeys: false,
    // what is only a warning to the parser is an error to whoever reads the data
    logLevel: 'error',
  });
  const parser = new Parser();
  const faults: YamlFault[] = [];
  let document: Document.Parsed | undefined;
  try {
    for (const found of composer.compose(tokens(parser, text))) {
      if (document !== undefined) {
        faults.push({ offset: found.range[0], message: 'expected one document, found another one' });
        break;
      }
      document = found as Document.Parsed;
    }
  } catch (error) {
    if (!(error instanceof TooDeepError)) throw error;
    const message = `maps and lists are nested more than ${DEPTH_MAX} deep`;
    return { document: undefined, faults: [{ offset: parser.offset, message }] };
  }
  if (document === undefined) return { document, faults };
  faults.unshift(...document.errors.map(({ message, pos }) => ({ offset: pos[0], message })));
  if (document.errors.length === 0) faults.push(...keysTwice(document));
  return { document, faults };
}

/** What the parser makes of the text, while that is not nested too deep: the composer's functions call themselves for what is inside. */
function* tokens(parser: Parser, text: string): ReturnType<Parser['parse']> {
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    // beside maps and lists there are the document and a scalar
    if (parser.stack.length > DEPTH_MAX + 2) throw new TooDeepError();
  }
  yield* parser.end();
}

/** Keys that their map has already. */
function keysTwice(document: Document.Parsed): YamlFault[] {
  const faults: YamlFault[] = [];
  visit(document, {
    Map(_key, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items as Pair<ParsedNode>[]) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) faults.push({ offset: key.range![0], message: 'Map keys must be unique' });
        seen.add(key.value);
      }
    },
  });
  return faults;
}
