/** The randomness that is handed to the engine. */
import { randomFillSync } from 'node:crypto';

/** A source of uniform unsigned 32-bit integers, drawn from the system in blocks. */
export function randomSource(): () => number {
  const block = new Uint32Array(256);
  let used = block.length;
  return () => {
    if (used === block.length) {
      randomFillSync(block);
      used = 0;
    }
    return block[used++]!;
  };
}
