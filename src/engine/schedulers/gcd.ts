/** Greatest common divisors of weights, for wrr and mh. */

/** The greatest common divisor of two integers that are not negative; `gcd(0, n)` is n. */
export function gcd(a: number, b: number): number {
  let x = a;
  let y = b;
  while (y !== 0) {
    const rest = x % y;
    x = y;
    y = rest;
  }
  return x;
}
