/** BPF programs: loaded, and run on packets that one makes. */
import { BPF_PROG_LOAD, BPF_PROG_TEST_RUN, BpfObject, bpf, bpfChecked, bpfResult } from './bpf.js';
import { EAGAIN, SystemError } from './errno.js';
import { Memory } from './libc.js';

/** Where a program is to run: its type, and how it is attached (`enum bpf_prog_type`, `enum bpf_attach_type`). */
export const PROGRAM_TYPES = {
  tc: { type: 3, attach: 0 },
  xdp: { type: 6, attach: 37 },
} as const;
export type ProgramType = keyof typeof PROGRAM_TYPES;

const INSTRUCTION = 8;
const LICENSE = 'Apache-2.0';
/** A test run's packet has the sum of all its bytes, as a network card gives it; afterwards that must be right still (Linux 6.17). */
export const BPF_F_TEST_SKB_CHECKSUM_COMPLETE = 4;

/** Bytes for what the verifier says; its last words are at the end. */
const LOG = 16 << 20;
/** How often a program is loaded that signals interrupt. */
const ATTEMPTS = 5;
/** Lines of it that an error shows. */
const LOG_LINES = 25;
/** Room for the packet that a test run gives back. */
const PACKET = 70_000;

/** What is to be loaded. */
export interface ProgramCode {
  readonly name: string;
  /** With the maps' descriptors in them. */
  readonly instructions: Uint8Array;
  /** What each instruction is, for errors. */
  readonly sources: readonly { readonly section: string; readonly text: string }[];
}

/** The kernel's verifier refused a program. The message has its last words, each instruction with its source. */
export class VerifierError extends SystemError {
  readonly #log: string;

  constructor(code: ProgramCode, errno: number, log: string) {
    super(`bpf(BPF_PROG_LOAD, ${code.name}):\n${explainLog(code, log)}\n`, errno);
    this.#log = log;
  }

  /** All that the verifier said. */
  get log(): string {
    return this.#log;
  }
}

/** The last lines of the verifier's log, each instruction followed by its source. */
export function explainLog({ sources }: Pick<ProgramCode, 'sources'>, log: string): string {
  return log
    .trimEnd()
    .split('\n')
    .slice(-LOG_LINES)
    .map((line) => {
      const source = sources[Number(/^(\d+): \(/.exec(line)?.[1] ?? -1)];
      return source === undefined ? line : `${line}   <- ${source.section}: ${source.text}`;
    })
    .join('\n');
}

/** What a program did with a packet. */
export interface TestRun {
  /** What it returned. */
  readonly verdict: number;
  /** The packet afterwards. */
  readonly packet: Uint8Array;
  /** Mean time of one run, ns. */
  readonly nanoseconds: number;
}

/** A loaded program. */
export class BpfProgram extends BpfObject {
  readonly name: string;

  /** @throws VerifierError; SystemError, with EPERM where BPF is not allowed. */
  constructor(kind: ProgramType, code: ProgramCode) {
    super(load(kind, code));
    this.name = code.name;
  }

  /**
   * Runs the program on a packet, which goes nowhere.
   * @param context the first bytes of `struct __sk_buff` or `struct xdp_md`.
   * @param flags `BPF_F_TEST_*`
   * @param repeat how often, for a measurement; maps are changed each time.
   */
  test(
    packet: Uint8Array,
    { context, flags = 0, repeat = 1 }: { context?: Uint8Array; flags?: number; repeat?: number } = {},
  ): TestRun {
    const input = memoryOf(packet);
    const output = new Memory(PACKET);
    const contextMemory = context && memoryOf(context);
    const result = bpf(BPF_PROG_TEST_RUN, 80, (a) => {
      a.u32(0, this.fd)
        .u32(8, packet.length)
        .u32(12, PACKET)
        .pointer(16, input)
        .pointer(24, output)
        .u32(32, repeat);
      a.u32(64, flags);
      if (contextMemory !== undefined) a.u32(40, contextMemory.bytes.length).pointer(48, contextMemory);
    });
    bpfChecked(result, `BPF_PROG_TEST_RUN, ${this.name}`);
    return {
      verdict: bpfResult(4) | 0,
      packet: output.bytes.slice(0, bpfResult(12)),
      nanoseconds: bpfResult(36),
    };
  }
}

function load(kind: ProgramType, code: ProgramCode): number {
  const instructions = memoryOf(code.instructions);
  const license = memoryOf(new TextEncoder().encode(`${LICENSE}\0`));
  const attempt = (log?: Memory): number =>
    bpf(BPF_PROG_LOAD, 72, (a) => {
      const { type, attach } = PROGRAM_TYPES[kind];
      a.u32(0, type)
        .u32(4, code.instructions.length / INSTRUCTION)
        .pointer(8, instructions)
        .pointer(16, license);
      a.name(48, code.name).u32(68, attach);
      if (log !== undefined) a.u32(24, 1).u32(28, LOG).pointer(32, log);
    });
  let result = attempt();
  // a signal has interrupted the verifier
  for (let i = 1; i < ATTEMPTS && result === -EAGAIN; i++) result = attempt();
  if (result >= 0) return result;
  const log = new Memory(LOG);
  const again = attempt(log);
  if (again >= 0) return again;
  const said = new TextDecoder().decode(log.bytes.subarray(0, log.bytes.indexOf(0)));
  if (said === '') throw new SystemError(`bpf(BPF_PROG_LOAD, ${code.name})`, -again);
  throw new VerifierError(code, -again, said);
}

function memoryOf(bytes: Uint8Array): Memory {
  const memory = new Memory(bytes.length);
  memory.bytes.set(bytes);
  return memory;
}
