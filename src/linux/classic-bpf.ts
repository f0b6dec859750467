/** Classic BPF (`linux/filter.h`), as seccomp filters are written in: an assembler whose jumps only go forward. */
import { LITTLE } from '../wire/netlink.js';

const LD_W_ABS = 0x20;
const AND_K = 0x54;
const JMP_JA = 0x05;
const JMP_JEQ_K = 0x15;
const JMP_JGE_K = 0x35;
const JMP_JSET_K = 0x45;
const RET_K = 0x06;
/** Bytes of `struct sock_filter`: code u16, jump if true u8, jump if false u8, operand u32. */
const INSTRUCTION = 8;
/** A conditional jump reaches as far. */
const FARTHEST = 255;

type Test = typeof JMP_JEQ_K | typeof JMP_JGE_K | typeof JMP_JSET_K;

interface Instruction {
  readonly code: number;
  readonly operand: number;
  /** Where to go on when the test holds, or always; the next instruction when left out. */
  readonly target?: string;
}

/** A program under construction. The accumulator is the only register. */
export class ClassicBpf {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  /** Loads the 32-bit word at `offset` of the input. */
  load(offset: number): this {
    return this.#add({ code: LD_W_ABS, operand: offset });
  }

  and(mask: number): this {
    return this.#add({ code: AND_K, operand: mask });
  }

  /** Goes to `target` when the accumulator is `value`. */
  ifEqual(value: number, target: string): this {
    return this.#jump(JMP_JEQ_K, value, target);
  }

  /** Goes to `target` when the accumulator, unsigned, is at least `value`. */
  ifAtLeast(value: number, target: string): this {
    return this.#jump(JMP_JGE_K, value, target);
  }

  /** Goes to `target` when the accumulator has one of the bits of `mask`. */
  ifAny(mask: number, target: string): this {
    return this.#jump(JMP_JSET_K, mask, target);
  }

  goto(target: string): this {
    return this.#add({ code: JMP_JA, operand: 0, target });
  }

  /** Names the next instruction. */
  label(name: string): this {
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  /** Ends the program with `value`. */
  ret(value: number): this {
    return this.#add({ code: RET_K, operand: value });
  }

  /** The program as `struct sock_filter[]`. */
  assemble(): Uint8Array {
    const bytes = new Uint8Array(INSTRUCTION * this.#instructions.length);
    const view = new DataView(bytes.buffer);
    this.#instructions.forEach(({ code, operand, target }, i) => {
      const at = INSTRUCTION * i;
      const distance = target === undefined ? 0 : this.#labels.get(target)! - i - 1;
      if (!(distance >= 0 && (code === JMP_JA || distance <= FARTHEST))) {
        throw new RangeError(`instruction ${i} cannot jump to ${target}`);
      }
      view.setUint16(at, code, LITTLE);
      view.setUint8(at + 2, code === JMP_JA ? 0 : distance);
      view.setUint32(at + 4, code === JMP_JA ? distance : operand, LITTLE);
    });
    return bytes;
  }

  #jump(code: Test, operand: number, target: string): this {
    return this.#add({ code, operand, target });
  }

  #add(instruction: Instruction): this {
    this.#instructions.push(instruction);
    return this;
  }
}
