/** What instructions work on: registers and places in memory, each with a name for listings. */

/** One of the eleven registers, under the name that a program gives it. */
export interface Register {
  /** 0..10 */
  readonly number: number;
  readonly name: string;
}

/** A register under a name of its own: `const packet = register(7, 'packet')`. */
export function register(number: number, name = `r${number}`): Register {
  return { number, name };
}

/** Result of calls, and of the program. */
export const r0 = register(0);
/** First argument of calls, and of the program: its context. Calls destroy r1 to r5. */
export const r1 = register(1);
export const r2 = register(2);
export const r3 = register(3);
export const r4 = register(4);
export const r5 = register(5);
/** r6 to r9 outlive calls. */
export const r6 = register(6);
export const r7 = register(7);
export const r8 = register(8);
export const r9 = register(9);
/** The end of the stack frame; read-only. */
export const r10 = register(10, 'fp');

/** Bytes at `base + offset`. Instructions reach those of 1, 2, 4 or 8 bytes. */
export interface Memory {
  readonly base: Register;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly name: string;
}

/** `size` bytes at `offset` of another place. */
export function part(memory: Memory, offset: number, size: number): Memory {
  return { ...memory, offset: memory.offset + offset, size, name: `${memory.name}[${offset}]` };
}

/** A register, or a number that fits 32 bits (signed, or unsigned where the operation is 32 bits wide). */
export type Operand = Register | number;
