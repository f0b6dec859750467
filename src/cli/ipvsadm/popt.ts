/** An option parser with the habits of popt(3): bundled short options, exact long names, options and arguments in any order. */

/** An option as the parser sees it. */
export interface PoptOption {
  /** Name behind two dashes. */
  readonly long?: string;
  /** Letter behind one dash. */
  readonly short?: string;
  /** Whether a value follows; an optional one is only taken from the next word when that does not begin with a dash. */
  readonly value: 'none' | 'required' | 'optional';
}

/** What the parser found: an option with its value, or what is wrong with the word that {@link Popt.word} tells. */
export type PoptStep<O> =
  | { readonly option: O; readonly value?: string }
  | { readonly problem: 'unknown option' | 'missing argument' | 'option does not take an argument' };

/** Takes a command line apart, one option at a time. */
export class Popt<O extends PoptOption> {
  private readonly options: readonly O[];
  private readonly args: readonly string[];
  private at = 0;
  /** What is left of the bundle of short options at hand. */
  private bundle = '';
  private readonly others: string[] = [];

  /** @param args the words behind the program's name. */
  constructor(options: readonly O[], args: readonly string[]) {
    this.options = options;
    this.args = args;
  }

  /** The word that was taken last, values included: what popt's own messages name. */
  get word(): string {
    return this.args[this.at - 1] ?? '';
  }

  /** The next option or problem; undefined at the end of the line. There is no next one after a problem. */
  next(): PoptStep<O> | undefined {
    if (this.bundle !== '') return this.nextInBundle();
    while (this.at < this.args.length) {
      const word = this.args[this.at++]!;
      if (word === '--') {
        this.others.push(...this.args.slice(this.at));
        this.at = this.args.length;
      } else if (!word.startsWith('-') || word === '-') {
        this.others.push(word);
      } else if (word.startsWith('--')) {
        return this.longOption(word.slice(2));
      } else {
        this.bundle = word.slice(1);
        return this.nextInBundle();
      }
    }
    return undefined;
  }

  /** Takes the first of the words that are neither options nor their values. */
  shiftArgument(): string | undefined {
    return this.others.shift();
  }

  private longOption(text: string): PoptStep<O> {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const option = this.options.find((o) => o.long === name);
    return option === undefined
      ? { problem: 'unknown option' }
      : this.withValue(option, equals < 0 ? undefined : text.slice(equals + 1));
  }

  private nextInBundle(): PoptStep<O> {
    const option = this.options.find((o) => o.short === this.bundle[0]);
    if (option === undefined) return { problem: 'unknown option' };
    const rest = this.bundle.slice(1);
    this.bundle = '';
    if (rest.startsWith('=')) return this.withValue(option, rest.slice(1));
    if (option.value !== 'none') return this.withValue(option, rest === '' ? undefined : rest);
    this.bundle = rest;
    return { option };
  }

  /** @param attached the value in the same word, if there is one. */
  private withValue(option: O, attached: string | undefined): PoptStep<O> {
    if (option.value === 'none') {
      return attached === undefined ? { option } : { problem: 'option does not take an argument' };
    }
    if (attached !== undefined) return { option, value: attached };
    const next = this.args[this.at];
    if (option.value === 'optional' && (next === undefined || next.startsWith('-'))) return { option };
    if (next === undefined) return { problem: 'missing argument' };
    this.at++;
    return { option, value: next };
  }
}
