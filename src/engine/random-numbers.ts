/** Random numbers that come again: for simulations, tests and whoever wants the same result twice. */

/** SplitMix32: uniform unsigned 32-bit integers, the same for the same seed. Nothing for secrets. @param seed 32 bits */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}
