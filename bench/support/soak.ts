/** A soak: connections are opened, used, and left alone until their time is over, in virtual time; nothing of them may stay. */
import { IPPROTO_TCP } from '../../src/engine/flags.js';
import type { NetnsIpvs } from '../../src/engine/netns-ipvs.js';
import { EngineLoad } from './engine-load.js';
import { collectGarbage } from './memory.js';

/** Milliseconds of virtual time after which every connection has ended, whatever its state: more than the longest timeout, twice. */
const LONG = 2_000_000;
/** Between opening connections and using them, ms: most of UDP's timeout of five minutes. */
const PAUSE = 200_000;

/** What is there at one moment. */
export interface Census {
  /** In the table (`conn_count`). */
  readonly connections: number;
  readonly timers: number;
  /** Words of the hash table that hold something. */
  readonly slots: number;
  /** Of all dests together: connections that refer to them, active ones, all. */
  readonly refcnt: number;
  readonly active: number;
  readonly total: number;
  /** Connections opened since the start, as the statistics have it. */
  readonly opened: number;
  /** Bytes of objects, garbage collected. */
  readonly heap: number;
  /** Bytes of typed arrays. */
  readonly arrays: number;
}

/** A soak's stages. Each is done once, in this order; {@link Soak.census} tells what there is. */
export class Soak {
  readonly load: EngineLoad;
  readonly #protocol: number;
  readonly #count: number;

  /** @param count connections. @param limit of the table. */
  constructor(protocol: number, v6: boolean, count: number, limit: number) {
    this.#protocol = protocol;
    this.#count = count;
    this.load = new EngineLoad(protocol, v6, count, limit);
  }

  /** Opens all connections. */
  open(): void {
    this.load.open();
    this.load.establish();
  }

  /** Some time later the first half is used, and of TCP's the first quarter closed. */
  use(): void {
    this.#pass(PAUSE);
    this.load.use(this.#count >>> 1);
    if (this.#protocol === IPPROTO_TCP) this.load.close(this.#count >>> 2);
  }

  /** The time comes when connections that were not used have ended, and those that were have not. @param timeout of a connection, seconds. */
  expireUnused(timeout: number): void {
    // a timer that is far away fires late by up to an eighth
    this.#pass(timeout * 1125 + 1000 - PAUSE);
  }

  /** The time comes when all have ended. */
  expire(): void {
    this.#pass(LONG);
  }

  census(): Census {
    const { ipvs } = this.load.net;
    const { slots } = ipvs.conns as unknown as { readonly slots: Int32Array };
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const sum = (of: (dest: NonNullable<NetnsIpvs['dests'][number]>) => number): number =>
      ipvs.dests.reduce((all, dest) => all + (dest === null ? 0 : of(dest)), 0);
    return {
      connections: ipvs.conns.count,
      timers: ipvs.connTimers.size,
      slots: slots.reduce((n, word) => n + (word === 0 ? 0 : 1), 0),
      refcnt: sum((dest) => dest.refcnt),
      active: sum((dest) => dest.activeconns),
      total: sum((dest) => dest.totalconns),
      opened: ipvs.totStats.conns,
      heap: heapUsed,
      arrays: arrayBuffers,
    };
  }

  #pass(milliseconds: number): void {
    const { clock, net } = this.load;
    clock.now += milliseconds;
    net.advance(clock.now);
  }
}
