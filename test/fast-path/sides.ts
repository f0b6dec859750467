/** Two directors that see the same: the engine alone, and the engine with a fast path. Packets go in and out by BPF_PROG_TEST_RUN. */
import { FlowCache } from '../../src/datapath/fast/flow-cache.js';
import { Lease } from '../../src/datapath/fast/lease.js';
import { loadProgram, openMaps } from '../../src/datapath/fast/maps.js';
import { Openings } from '../../src/datapath/fast/openings.js';
import { REPORTS } from '../../src/ebpf/programs/flow-maps.js';
import { tcProgram } from '../../src/ebpf/programs/tc.js';
import { C_FLAGS, C_INPKTS, C_STATE, C_TIMEOUT, HOT_SHIFT } from '../../src/engine/conn-table.js';
import { CONN_F_CARRIED, CONN_F_NOT_CARRIED } from '../../src/engine/flags.js';
import type { NetnsIpvs } from '../../src/engine/netns-ipvs.js';
import type { BpfProgram } from '../../src/linux/bpf-program.js';
import { concat } from '../support/bytes.js';
import { TCP } from '../support/packets.js';
import { type Kind, VectorDirector } from './director.js';
import { Routes } from './routes.js';

/** What the program answers when it has carried a packet. */
export const CARRIED = 7;

/** How often one packet can be sent on. */
const HOPS = 62;
/** Of a report in the ring buffer, with its header. */
const REPORT_BYTES = 24;

/** What happens. */
export type Step =
  | { readonly what: 'packet'; readonly packet: Uint8Array; readonly fromServer: boolean }
  /** A turn of the loop begins: the engine takes over what was carried. */
  | { readonly what: 'turn' }
  | { readonly what: 'secure'; readonly on: boolean };

/** The engine alone, or with a fast path that carries what it can. */
export class Side {
  readonly director: VectorDirector;
  readonly ipvs: NetnsIpvs;
  carried = 0;

  /** @param kinds of services; all when left out. */
  constructor(kinds?: readonly Kind[]) {
    this.director = new VectorDirector(kinds);
    this.ipvs = this.director.net.ipvs;
  }

  step(step: Step): void {
    if (step.what === 'secure') {
      const pd = this.ipvs.protoData[TCP]!;
      this.replay();
      pd.pp.timeoutChange(pd, step.on);
    } else if (step.what === 'packet') this.packet(step.packet, step.fromServer);
    else this.turn();
  }

  packet(packet: Uint8Array, fromServer: boolean): void {
    this.director.receive(packet, fromServer);
  }

  replay(): void {}

  /** A turn of the loop, long after the last one. */
  turn(): void {
    this.replay();
  }

  /** All that can be listed. */
  seen(): object {
    const { conns, totStats } = this.ipvs;
    const rows = Array.from({ length: conns.highWater }, (_, c) => {
      const h = c << HOT_SHIFT;
      return {
        used: conns.isUsed(c),
        state: conns.hot[h + C_STATE]! & 0xff,
        timeout: conns.hot[h + C_TIMEOUT],
        flags: conns.hot[h + C_FLAGS]! & ~(CONN_F_CARRIED | CONN_F_NOT_CARRIED),
        packets: conns.hot[h + C_INPKTS],
      };
    });
    const dests = [...this.ipvs.services].flatMap((svc) =>
      svc.destinations.map((dest) => [dest.activeconns, dest.inactconns, dest.stats]),
    );
    return { rows, dests, totStats };
  }
}

export class FastSide extends Side {
  readonly #maps = openMaps({ flows: 256, ways: 64 });
  readonly #program: BpfProgram;
  readonly #openings: Openings | undefined;
  readonly cache: FlowCache;

  /** @param opens the program opens connections by itself. */
  constructor(kinds?: readonly Kind[], opens = false, routes = new Routes()) {
    super(kinds);
    this.cache = new FlowCache(this.ipvs, routes, this.#maps);
    if (opens) {
      this.#openings = new Openings(this.ipvs, routes, this.cache.ways);
      this.cache.openings = this.#openings;
      this.#openings.begin();
      new Lease(this.#maps.lease).extend();
    }
    this.#program = loadProgram('tc', tcProgram({ opens }), this.#maps, this.#openings?.descriptors);
    this.ipvs.fastPath = this.cache;
    this.cache.refresh();
  }

  /** What the program does with a packet, `times` times. */
  run(packet: Uint8Array, repeat = 1): number {
    const type = packet[0]! >>> 4 === 6 ? [0x86, 0xdd] : [8, 0];
    const frame = concat(new Uint8Array(12), Uint8Array.from(type), packet);
    return this.#program.test(frame, { repeat }).verdict;
  }

  /** Has a packet that is reported, and keeps its flow, sent on until there is no room for a report. */
  fillReports(packet: Uint8Array): void {
    for (let i = 0; i * HOPS * REPORT_BYTES < REPORTS.size; i++) this.run(packet, HOPS);
  }

  override packet(packet: Uint8Array, fromServer: boolean): void {
    if (this.run(packet) === CARRIED) {
      this.carried++;
      return;
    }
    this.replay();
    super.packet(packet, fromServer);
    this.cache.flush();
  }

  override replay(): void {
    this.cache.replay(this.director.net.jiffies);
    this.#openings?.turn();
  }

  override turn(): void {
    this.replay();
    this.cache.retire(Number.MAX_SAFE_INTEGER);
    this.cache.flush();
  }

  /** After commands. */
  refresh(): void {
    this.cache.refresh();
  }

  override seen(): object {
    this.replay();
    this.cache.withdrawAll();
    this.cache.fold();
    return super.seen();
  }

  close(): void {
    this.#program.close();
    this.#openings?.close();
    for (const map of Object.values(this.#maps)) map.close();
  }
}
