/** The fast path's programs and maps without an interface: packets go in and come out by BPF_PROG_TEST_RUN. */

import { emptyFlow, type Flow, type Way, writeFlow, writeFlowKey, writeWay } from '../../src/ebpf/flow.js';
import { type Program, relocate } from '../../src/ebpf/program.js';
import { COUNTER, FLOW, LEASE, LINK, MAPS, REPORT, REPORTS } from '../../src/ebpf/programs/flow-maps.js';
import { BpfMap } from '../../src/linux/bpf-map.js';
import { BpfProgram, type ProgramType } from '../../src/linux/bpf-program.js';
import { RingBuffer } from '../../src/linux/bpf-ring-buffer.js';
import { AF_INET } from '../../src/wire/inet.js';
import { concat } from '../support/bytes.js';

const ETHERNET = 14;

/** Test packets come in by the loopback interface. */
const LOOPBACK_INDEX = 1;
/** Hardware address of the interface that test packets come in by. */
export const LOOPBACK = new Uint8Array(6);

/** Hardware addresses of the ways. */
export const HARDWARE = {
  destination: Uint8Array.of(2, 0, 0, 0, 0, 0x11),
  source: Uint8Array.of(2, 0, 0, 0, 0, 0x22),
  xdp: true,
};

/** What a program made of a packet. */
export interface Outcome {
  readonly verdict: number;
  readonly ethernet: Uint8Array;
  readonly ip: Uint8Array;
  readonly nanoseconds: number;
}

/** One program with its maps. */
export class Harness {
  readonly maps: { readonly [K in keyof typeof MAPS]: BpfMap };
  readonly #reports = new RingBuffer(REPORTS);
  readonly #program: BpfProgram;

  constructor(type: ProgramType, program: Program) {
    const make = (name: keyof typeof MAPS) =>
      new BpfMap({ ...MAPS[name], maxEntries: name === 'lease' ? 1 : 32_768 });
    const names = Object.keys(MAPS) as (keyof typeof MAPS)[];
    this.maps = Object.fromEntries(names.map((name) => [name, make(name)])) as unknown as Harness['maps'];
    this.maps.links.key.setUint32(0, LOOPBACK_INDEX, true);
    LINK.write(this.maps.links.value, 0, { address: LOOPBACK, active: 1 });
    this.maps.links.update();
    this.setLease(Number.MAX_SAFE_INTEGER);
    const all = { ...this.maps, reports: this.#reports };
    const descriptors = Object.fromEntries(Object.entries(all).map(([name, { fd }]) => [name, fd]));
    const instructions = relocate(program, descriptors);
    this.#program = new BpfProgram(type, { ...program, instructions });
  }

  /** Installs a flow. @param fill writes what it is. */
  install(fill: (flow: Flow) => void): void {
    const flow = emptyFlow();
    fill(flow);
    const map = this.#mapOf(flow);
    writeFlowKey(map.key, 0, flow);
    writeFlow(map.value, 0, flow, 0);
    map.update();
  }

  /** What a flow has counted; its server's counters begin anew. */
  counted(fill: (flow: Flow) => void): {
    packets: number;
    lastUsed: number;
    server: { packets: number; bytes: number; xdp: number };
  } {
    const flow = emptyFlow();
    fill(flow);
    const map = this.#mapOf(flow);
    writeFlowKey(map.key, 0, flow);
    if (!map.lookup()) throw new Error('no such flow');
    const { packets, lastUsed } = FLOW.read(map.value, 0);
    return { packets, lastUsed, server: this.#counters(flow.counter) };
  }

  /** What the program has reported since the last time. */
  reported(): ReturnType<typeof REPORT.read>[] {
    const found: ReturnType<typeof REPORT.read>[] = [];
    this.#reports.read((at) => found.push(REPORT.read(this.#reports.data, at)));
    return found;
  }

  #counters(number: number): { packets: number; bytes: number; xdp: number } {
    const { counters } = this.maps;
    counters.key.setUint32(0, number, true);
    counters.lookup();
    const sum = { packets: 0, bytes: 0, xdp: 0 };
    for (let at = 0; at < counters.valueSize; at += COUNTER.size) {
      const { packets, bytes, xdp } = COUNTER.read(counters.value, at);
      sum.packets += packets;
      sum.bytes += bytes;
      sum.xdp += xdp;
    }
    new Uint8Array(counters.value.buffer).fill(0);
    counters.update();
    return sum;
  }

  /** @param until CLOCK_MONOTONIC, ns. */
  setLease(until: number): void {
    const { lease } = this.maps;
    LEASE.write(lease.value, 0, { until });
    lease.update();
  }

  setWay(number: number, way: Way): void {
    this.maps.ways.key.setUint32(0, number, true);
    writeWay(this.maps.ways.value, 0, way);
    this.maps.ways.update();
  }

  /** Runs the program on an IP packet. @param to hardware address that its frame is for; that of the interface, which is the loopback. */
  run(
    ip: Uint8Array,
    { flags = 0, repeat = 1, to = LOOPBACK }: { flags?: number; repeat?: number; to?: Uint8Array } = {},
  ): Outcome {
    const frame = concat(
      to,
      Uint8Array.of(2, 0, 0, 0, 0, 2, ...(ip[0]! >>> 4 === 6 ? [0x86, 0xdd] : [8, 0])),
      ip,
    );
    const { verdict, packet, nanoseconds } = this.#program.test(frame, { flags, repeat });
    return { verdict, ethernet: packet.slice(0, ETHERNET), ip: packet.slice(ETHERNET), nanoseconds };
  }

  close(): void {
    for (const object of [...Object.values(this.maps), this.#reports, this.#program]) object.close();
  }

  #mapOf(flow: Flow): BpfMap {
    return flow.family === AF_INET ? this.maps.flows4 : this.maps.flows6;
  }
}
