/**
 * Writes BPF programs (RFC 9669). Each method appends an instruction and remembers how it reads, so that what the kernel's verifier says can
 * be told in the program's own names. Numbers that an instruction cannot hold, labels that are missing and code that nothing leads to are
 * refused with the instruction at fault.
 */
import { IpvsError } from '../errors.js';
import { HELPERS, type HelperName } from './helpers.js';
import * as isa from './isa.js';
import { type Memory, type Operand, type Register, r10 } from './operand.js';
import type { Program, Source } from './program.js';
import type { RecordLayout, Values } from './record.js';

const { ALU, ATOMIC_ADD, ATOMIC_OR, BPF_ALU, BPF_ALU64, BPF_ATOMIC, BPF_CALL, BPF_EXIT, BPF_IMM, BPF_JA } =
  isa;
const {
  BPF_FETCH,
  BPF_JMP,
  BPF_JMP32,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_PSEUDO_MAP_FD,
  BPF_SIZE,
  BPF_ST,
} = isa;
const { BPF_PSEUDO_MAP_VALUE, BPF_STX, BPF_X, CONDITION, INSTRUCTION } = isa;

/** Bytes of a program's stack. */
const STACK = 512;
const NAME = /^\w{1,15}$/;

interface Instruction {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
  readonly source: Source;
  /** Where it jumps to. */
  readonly label?: string;
  readonly map?: string;
}

type AluName = Exclude<keyof typeof ALU, 'end' | 'neg'>;
type Fields<L> = L extends RecordLayout<infer F> ? { readonly [K in keyof Values<F>]: Memory } : never;

/** A program in the making. */
export class Assembler {
  readonly #name: string;
  readonly #code: Instruction[] = [];
  readonly #labels = new Map<string, number>();
  #section = '';
  #made = 0;
  #stack = 0;

  /** @param name what the kernel is to call it: at most 15 letters, digits and `_`. */
  constructor(name: string) {
    this.#name = name;
    if (!NAME.test(name)) throw this.#fault(`"${name}" is no name of a program`);
  }

  /** Says that what follows is reached by jumps to `name`. */
  label(name: string): this {
    if (this.#labels.has(name)) throw this.#fault(`label ${name} stands twice`);
    this.#labels.set(name, this.#code.length);
    this.#section = name;
    return this;
  }

  /** A label that no other has; it begins with `stem`. */
  newLabel(stem: string): string {
    return `${stem}.${++this.#made}`;
  }

  /** Room for a record on the stack, 8-aligned; its fields as operands. It is not zeroed. */
  stack<L>(
    layout: L & { readonly size: number; at(base: Register, offset?: number): Fields<L> },
  ): Fields<L> & { readonly offset: number } {
    this.#stack += Math.ceil(layout.size / 8) * 8;
    if (this.#stack > STACK) throw this.#fault(`${this.#stack} bytes of stack; there are ${STACK}`);
    return { ...layout.at(r10, -this.#stack), offset: -this.#stack };
  }

  mov(dst: Register, src: Operand): this {
    return this.#alu('mov', dst, src, BPF_ALU64);
  }
  add(dst: Register, src: Operand): this {
    return this.#alu('add', dst, src, BPF_ALU64);
  }
  sub(dst: Register, src: Operand): this {
    return this.#alu('sub', dst, src, BPF_ALU64);
  }
  mul(dst: Register, src: Operand): this {
    return this.#alu('mul', dst, src, BPF_ALU64);
  }
  div(dst: Register, src: Operand): this {
    return this.#alu('div', dst, src, BPF_ALU64);
  }
  mod(dst: Register, src: Operand): this {
    return this.#alu('mod', dst, src, BPF_ALU64);
  }
  and(dst: Register, src: Operand): this {
    return this.#alu('and', dst, src, BPF_ALU64);
  }
  or(dst: Register, src: Operand): this {
    return this.#alu('or', dst, src, BPF_ALU64);
  }
  xor(dst: Register, src: Operand): this {
    return this.#alu('xor', dst, src, BPF_ALU64);
  }
  lsh(dst: Register, src: Operand): this {
    return this.#alu('lsh', dst, src, BPF_ALU64);
  }
  rsh(dst: Register, src: Operand): this {
    return this.#alu('rsh', dst, src, BPF_ALU64);
  }
  arsh(dst: Register, src: Operand): this {
    return this.#alu('arsh', dst, src, BPF_ALU64);
  }
  neg(dst: Register): this {
    return this.#emit(BPF_ALU64 | ALU.neg, dst, undefined, 0, 0, `${dst.name} = -${dst.name}`);
  }

  /** 32-bit operations clear the upper half of the register. */
  mov32(dst: Register, src: Operand): this {
    return this.#alu('mov', dst, src, BPF_ALU);
  }
  add32(dst: Register, src: Operand): this {
    return this.#alu('add', dst, src, BPF_ALU);
  }
  sub32(dst: Register, src: Operand): this {
    return this.#alu('sub', dst, src, BPF_ALU);
  }
  mul32(dst: Register, src: Operand): this {
    return this.#alu('mul', dst, src, BPF_ALU);
  }
  div32(dst: Register, src: Operand): this {
    return this.#alu('div', dst, src, BPF_ALU);
  }
  mod32(dst: Register, src: Operand): this {
    return this.#alu('mod', dst, src, BPF_ALU);
  }
  and32(dst: Register, src: Operand): this {
    return this.#alu('and', dst, src, BPF_ALU);
  }
  or32(dst: Register, src: Operand): this {
    return this.#alu('or', dst, src, BPF_ALU);
  }
  xor32(dst: Register, src: Operand): this {
    return this.#alu('xor', dst, src, BPF_ALU);
  }
  lsh32(dst: Register, src: Operand): this {
    return this.#alu('lsh', dst, src, BPF_ALU);
  }
  rsh32(dst: Register, src: Operand): this {
    return this.#alu('rsh', dst, src, BPF_ALU);
  }
  arsh32(dst: Register, src: Operand): this {
    return this.#alu('arsh', dst, src, BPF_ALU);
  }
  neg32(dst: Register): this {
    return this.#emit(BPF_ALU | ALU.neg, dst, undefined, 0, 0, `w ${dst.name} = -${dst.name}`);
  }

  /** Turns the low `bits` of a register from the machine's order to network order, or back; the rest becomes 0. */
  toBigEndian(dst: Register, bits: 16 | 32 | 64): this {
    return this.#emit(
      BPF_ALU | ALU.end | BPF_X,
      dst,
      undefined,
      0,
      bits,
      `${dst.name} = be${bits} ${dst.name}`,
    );
  }

  /** A 64-bit number. */
  movImm64(dst: Register, value: bigint): this {
    const low = Number(BigInt.asIntN(32, value));
    const high = Number(BigInt.asIntN(32, value >> 32n));
    return this.#wide(dst, 0, low, high, `${dst.name} = ${value}`);
  }

  /** The map of that name, for calls. */
  movMap(dst: Register, map: string): this {
    return this.#wide(dst, BPF_PSEUDO_MAP_FD, 0, 0, `${dst.name} = map ${map}`, map);
  }

  /** The value of the map of that name: an array of one element. */
  movMapValue(dst: Register, map: string): this {
    return this.#wide(dst, BPF_PSEUDO_MAP_VALUE, 0, 0, `${dst.name} = value of map ${map}`, map);
  }

  /** Reads memory; the upper bits of the register become 0. */
  load(dst: Register, from: Memory): this {
    const opcode = BPF_LDX | BPF_MEM | this.#width(from);
    return this.#emit(opcode, dst, from.base, from.offset, 0, `${dst.name} = ${describe(from)}`);
  }

  /** Writes the low bits of a register, or a number. */
  store(to: Memory, value: Operand): this {
    const text = `${describe(to)} = ${nameOf(value)}`;
    const mode = BPF_MEM | this.#width(to);
    if (typeof value === 'number')
      return this.#emit(BPF_ST | mode, to.base, undefined, to.offset, value, text);
    return this.#emit(BPF_STX | mode, to.base, value, to.offset, 0, text);
  }

  /** Adds to 4 or 8 bytes of memory so that no other processor's addition is lost. */
  atomicAdd(to: Memory, value: Register): this {
    return this.#atomic(to, value, ATOMIC_ADD, '+=');
  }

  /** Adds a register, which gets what was there before; likewise. Linux 5.12. */
  atomicFetchAdd(to: Memory, value: Register): this {
    return this.#atomic(to, value, ATOMIC_ADD | BPF_FETCH, '+=>');
  }

  /** Sets bits in 4 or 8 bytes of memory, likewise. */
  atomicOr(to: Memory, value: Register): this {
    return this.#atomic(to, value, ATOMIC_OR, '|=');
  }

  jump(label: string): this {
    return this.#emit(BPF_JMP | BPF_JA, undefined, undefined, 0, 0, `goto ${label}`, { label });
  }

  /** Compares 64 bits; `&` asks for common bits, `s>` and its like compare signed numbers. */
  jumpIf(left: Register, condition: isa.Condition, right: Operand, label: string): this {
    return this.#jumpIf(BPF_JMP, left, condition, right, label);
  }

  /** Compares the low 32 bits. */
  jumpIf32(left: Register, condition: isa.Condition, right: Operand, label: string): this {
    return this.#jumpIf(BPF_JMP32, left, condition, right, label);
  }

  /**
   * Makes sure that `length` bytes from `start` on are there: goes to `otherwise` when they end after `end`.
   * @param scratch a register that may be overwritten.
   */
  needBytes(start: Register, length: number, end: Register, scratch: Register, otherwise: string): this {
    return this.mov(scratch, start).add(scratch, length).jumpIf(scratch, '>', end, otherwise);
  }

  /** Calls a helper of the kernel: arguments in r1 to r5, which it destroys, the result in r0. */
  call(helper: HelperName): this {
    return this.#emit(BPF_JMP | BPF_CALL, undefined, undefined, 0, HELPERS[helper], `call ${helper}`);
  }

  /** Ends the program; r0 is its result. */
  exit(): this {
    return this.#emit(BPF_JMP | BPF_EXIT, undefined, undefined, 0, 0, 'exit');
  }

  /** The program. @throws SYSTEM naming the instruction at fault. */
  finish(): Program {
    this.#checkFlow();
    const instructions = new Uint8Array(this.#code.length * INSTRUCTION);
    const view = new DataView(instructions.buffer);
    for (const [index, { opcode, dst, src, offset, imm, label, source }] of this.#code.entries()) {
      const at = index * INSTRUCTION;
      let distance = offset;
      if (label !== undefined) {
        const target = this.#labels.get(label);
        if (target === undefined) throw this.#fault(`no label ${label}`, source);
        if (target === this.#code.length) throw this.#fault(`nothing follows label ${label}`, source);
        distance = target - index - 1;
        if (distance !== (distance << 16) >> 16)
          throw this.#fault(`${label} is too far away: ${distance}`, source);
      }
      view.setUint8(at, opcode);
      view.setUint8(at + 1, (src << 4) | dst);
      view.setInt16(at + 2, distance, true);
      view.setInt32(at + 4, imm, true);
    }
    return {
      name: this.#name,
      instructions,
      sources: this.#code.map(({ source }) => source),
      maps: this.#code.flatMap(({ map }, index) => (map === undefined ? [] : [{ index, map }])),
    };
  }

  #alu(name: AluName, dst: Register, src: Operand, width: number): this {
    const sign = name === 'mov' ? '=' : `${name} =`;
    const text = `${width === BPF_ALU ? 'w ' : ''}${dst.name} ${sign} ${nameOf(src)}`;
    if (typeof src !== 'number') return this.#emit(width | ALU[name] | BPF_X, dst, src, 0, 0, text);
    return this.#emit(
      width | ALU[name] | BPF_K,
      dst,
      undefined,
      0,
      this.#immediate(src, width === BPF_ALU, text),
      text,
    );
  }

  #jumpIf(width: number, left: Register, condition: isa.Condition, right: Operand, label: string): this {
    const text = `if ${width === BPF_JMP32 ? 'w ' : ''}${left.name} ${condition} ${nameOf(right)} goto ${label}`;
    const opcode = width | CONDITION[condition];
    if (typeof right !== 'number') return this.#emit(opcode | BPF_X, left, right, 0, 0, text, { label });
    const imm = this.#immediate(right, width === BPF_JMP32, text);
    return this.#emit(opcode | BPF_K, left, undefined, 0, imm, text, { label });
  }

  #atomic(to: Memory, value: Register, operation: number, sign: string): this {
    const text = `lock ${describe(to)} ${sign} ${value.name}`;
    if (to.size < 4)
      throw this.#fault('atomic operations take 4 or 8 bytes', { section: this.#section, text });
    return this.#emit(BPF_STX | BPF_ATOMIC | this.#width(to), to.base, value, to.offset, operation, text);
  }

  #wide(dst: Register, kind: number, low: number, high: number, text: string, map?: string): this {
    const first = {
      opcode: BPF_LD | BPF_IMM | BPF_SIZE[8]!,
      dst: dst.number,
      src: kind,
      offset: 0,
      imm: low,
    };
    const source = { section: this.#section, text };
    this.#code.push({ ...first, source, ...(map !== undefined && { map }) });
    this.#code.push({ opcode: 0, dst: 0, src: 0, offset: 0, imm: high, source });
    return this;
  }

  #emit(
    opcode: number,
    dst: Register | undefined,
    src: Register | undefined,
    offset: number,
    imm: number,
    text: string,
    more: { label?: string } = {},
  ): this {
    const source = { section: this.#section, text };
    if (offset !== (offset << 16) >> 16) throw this.#fault(`offset ${offset} does not fit`, source);
    this.#code.push({ opcode, dst: dst?.number ?? 0, src: src?.number ?? 0, offset, imm, source, ...more });
    return this;
  }

  /** The number as the 32 bits of an instruction; 64-bit operations extend its sign. */
  #immediate(value: number, unsignedToo: boolean, text: string): number {
    const fits = value === (value | 0) || (unsignedToo && value === value >>> 0);
    if (!fits) throw this.#fault(`${value} does not fit an instruction`, { section: this.#section, text });
    return value | 0;
  }

  #width(memory: Memory): number {
    const width = BPF_SIZE[memory.size];
    if (width === undefined) {
      throw this.#fault(`${memory.size} bytes at once`, { section: this.#section, text: describe(memory) });
    }
    return width;
  }

  /** Each instruction must be reached, and the last one must not fall off the end: the verifier would refuse it less kindly. */
  #checkFlow(): void {
    const ends = ({ opcode }: Instruction): boolean =>
      opcode === (BPF_JMP | BPF_EXIT) || opcode === (BPF_JMP | BPF_JA);
    const last = this.#code.at(-1);
    if (last === undefined || !ends(last)) throw this.#fault('the end is reached without exit', last?.source);
    const targets = new Set(
      this.#code.flatMap(({ label }) => label ?? []).map((label) => this.#labels.get(label)),
    );
    for (const [index, instruction] of this.#code.entries()) {
      if (index > 0 && ends(this.#code[index - 1]!) && !targets.has(index)) {
        throw this.#fault('nothing leads here', instruction.source);
      }
    }
  }

  #fault(message: string, source?: Source): IpvsError {
    const place = source === undefined ? '' : ` at ${source.section}: "${source.text}"`;
    return new IpvsError('SYSTEM', `program ${this.#name}${place}: ${message}`);
  }
}

function nameOf(operand: Operand): string {
  return typeof operand === 'number' ? `${operand}` : operand.name;
}

function describe({ base, name }: Memory): string {
  return `${base.name}->${name}`;
}
