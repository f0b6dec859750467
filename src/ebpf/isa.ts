/** Numbers of the BPF instruction set (RFC 9669) that the assembler writes. */

/** Bytes of an instruction; `ld_imm64` is two. */
export const INSTRUCTION = 8;

/** Instruction classes. */
export const BPF_LD = 0x00;
export const BPF_LDX = 0x01;
export const BPF_ST = 0x02;
export const BPF_STX = 0x03;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_JMP32 = 0x06;
export const BPF_ALU64 = 0x07;

/** Where the second operand is. */
export const BPF_K = 0x00;
export const BPF_X = 0x08;

/** Modes of loads and stores. */
export const BPF_IMM = 0x00;
export const BPF_MEM = 0x60;
export const BPF_ATOMIC = 0xc0;

/** Widths of loads and stores, by bytes. */
export const BPF_SIZE: Readonly<Record<number, number>> = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 };

/** Operations on registers. */
export const ALU = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;

/** Conditions of jumps; `&` is true when a bit is common, `s` compares signed numbers. */
export const CONDITION = {
  '==': 0x10,
  '>': 0x20,
  '>=': 0x30,
  '&': 0x40,
  '!=': 0x50,
  's>': 0x60,
  's>=': 0x70,
  '<': 0xa0,
  '<=': 0xb0,
  's<': 0xc0,
  's<=': 0xd0,
} as const;

export type Condition = keyof typeof CONDITION;

export const BPF_JA = 0x00;
export const BPF_CALL = 0x80;
export const BPF_EXIT = 0x90;

/** Atomic operations: in the immediate. */
export const ATOMIC_ADD = 0x00;
export const ATOMIC_OR = 0x40;
/** Added to one: the register gets what was there before. */
export const BPF_FETCH = 0x01;

/** Source register of `ld_imm64` when the number is the descriptor of a map. */
export const BPF_PSEUDO_MAP_FD = 1;
export const BPF_PSEUDO_MAP_VALUE = 2;
