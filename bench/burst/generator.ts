/**
 * Sends frames as fast as the kernel can make them: an XDP program, run by BPF_PROG_TEST_RUN with live frames, writes the next frame into each and
 * redirects it to an interface. What it costs is little, and the same for every way that is measured.
 */
import { Assembler } from '../../src/ebpf/assembler.js';
import { part, r0, r1, r2, r3, r6, r7, r8, r10 } from '../../src/ebpf/operand.js';
import { type Program, relocate } from '../../src/ebpf/program.js';
import { XDP_MD } from '../../src/ebpf/programs/headers.js';
import { bytes, record, u32 } from '../../src/ebpf/record.js';
import { BPF_PROG_TEST_RUN, bpf, bpfChecked } from '../../src/linux/bpf.js';
import { BpfMap, MapBatch } from '../../src/linux/bpf-map.js';
import { BpfProgram } from '../../src/linux/bpf-program.js';
import { Memory } from '../../src/linux/libc.js';

const BPF_F_TEST_XDP_LIVE_FRAMES = 2;
const XDP_ABORTED = 0;
/** Frames that the kernel makes before it hands them on. */
const BATCH = 64;
/** Bytes of an element: the longest frame. */
const FRAME = 96;
const LAST = record('last', { next: u32 });
const KEYS = record('keys', { state: u32, frame: u32 });

/** A generator of one set of frames, all of one length, in turn. */
export class Generator {
  readonly #frames: BpfMap;
  readonly #state: BpfMap;
  readonly #program: BpfProgram;
  readonly #sample: Memory;

  /** @param ifindex where they leave, in the namespace from which `send` is called; its peer must take frames by XDP or GRO. */
  constructor(frames: readonly Uint8Array[], ifindex: number) {
    const { length } = frames[0]!;
    this.#frames = new BpfMap({
      name: 'frames',
      type: 'array',
      keySize: 4,
      valueSize: FRAME,
      maxEntries: frames.length,
    });
    this.#state = new BpfMap({ name: 'state', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 });
    this.#fill(frames);
    const program = generator(length, frames.length, ifindex);
    const descriptors = { frames: this.#frames.fd, state: this.#state.fd };
    this.#program = new BpfProgram('xdp', { ...program, instructions: relocate(program, descriptors) });
    this.#sample = new Memory(length);
    this.#sample.bytes.set(frames[0]!);
  }

  /** Sends `count` frames. Returns when all have been handed on. */
  send(count: number): void {
    bpfChecked(
      bpf(BPF_PROG_TEST_RUN, 80, (a) =>
        a
          .u32(0, this.#program.fd)
          .u32(8, this.#sample.bytes.length)
          .pointer(16, this.#sample)
          .u32(32, count)
          .u32(64, BPF_F_TEST_XDP_LIVE_FRAMES)
          .u32(72, Math.min(BATCH, count)),
      ),
      'BPF_PROG_TEST_RUN, live frames',
    );
  }

  close(): void {
    for (const object of [this.#program, this.#frames, this.#state]) object.close();
  }

  #fill(frames: readonly Uint8Array[]): void {
    const batch = new MapBatch(this.#frames, frames.length);
    for (const [i, frame] of frames.entries()) {
      batch.keys.setUint32(4 * i, i, true);
      batch.valueMemory.bytes.set(frame, FRAME * i);
    }
    this.#frames.updateBatch(batch, frames.length);
  }
}

/** Frames come back from the kernel as they were changed on their way, so all of each is written every time. */
function generator(length: number, count: number, ifindex: number): Program {
  const a = new Assembler('bench_generate');
  const keys = a.stack(KEYS);
  const frame = record('frame', { bytes: bytes(FRAME, 8) });
  const xdp = XDP_MD.at(r6);
  const next = LAST.at(r0).next;
  a.mov(r6, r1).load(r7, xdp.data).load(r3, xdp.dataEnd);
  a.needBytes(r7, length, r3, r1, 'none');
  a.store(keys.state, 0).movMap(r1, 'state').mov(r2, r10).add(r2, keys.state.offset).call('map_lookup_elem');
  a.jumpIf(r0, '==', 0, 'none').load(r8, next).store(keys.frame, r8);
  a.add(r8, 1).jumpIf(r8, '<', count, 'more').mov(r8, 0).label('more').store(next, r8);
  a.movMap(r1, 'frames').mov(r2, r10).add(r2, keys.frame.offset).call('map_lookup_elem');
  a.jumpIf(r0, '==', 0, 'none');
  const from = frame.at(r0).bytes;
  const to = frame.at(r7).bytes;
  for (let at = 0; at < length; ) {
    const size = [8, 4, 2, 1].find((n) => n <= length - at)!;
    a.load(r1, part(from, at, size)).store(part(to, at, size), r1);
    at += size;
  }
  a.mov(r1, ifindex).mov(r2, 0).call('redirect').exit();
  a.label('none').mov(r0, XDP_ABORTED).exit();
  return a.finish();
}
