/** Numbers of a command line, read as the C library reads them, and numbers of listings. */

/** Longest timeout, seconds: 31 days. */
export const MAX_TIMEOUT = 31 * 24 * 60 * 60;

/** A decimal number within `min`..`max`, with blanks and a sign before it and nothing behind it; else undefined. */
export function parseNumber(text: string, min: number, max: number): number | undefined {
  if (!/^[ \t\n\v\f\r]*[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  // + 0 makes 0 of -0
  return value >= min && value <= max ? value + 0 : undefined;
}

/** `atoi`: the number that `text` begins with, 0 without one; it saturates at 64 bits and is then cut to 32. */
export function leadingInteger(text: string): number {
  const digits = /^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)?.[1];
  if (digits === undefined) return 0;
  const limit = 2n ** 63n;
  const value = BigInt(digits.replace('+', ''));
  const saturated = value < -limit ? -limit : value >= limit ? limit - 1n : value;
  return Number(BigInt.asIntN(32, saturated));
}

/** A counter in nine columns or more: in full, or (when not `exact`) in thousands, millions ... when it is long. */
export function counter(value: number, exact: boolean): string {
  if (value < 1e8) return String(value).padStart(9);
  if (exact) return ` ${value}`;
  const [unit, letter] =
    value < 1e9 ? [1e3, 'K'] : value < 1e11 ? [1e6, 'M'] : value < 1e14 ? [1e9, 'G'] : [1e12, 'T'];
  return `${String(Math.floor(value / unit)).padStart(8)}${letter}`;
}
