/** What a conversion could not carry over. */

/** A place in a file that is converted. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Takes one remark about a place. */
export type Note = (place: Place, text: string) => void;

/** A remark as it is printed. */
export function noteText({ file, line }: Place, text: string): string {
  return `${file}:${line}: ${text}`;
}
