/** Watches an engine for those who listen, in the thread of the engine. Nobody listening, the engine is not watched at all. */
import { toPacketFilter } from '../control/conn-filter.js';
import { drainedData } from '../control/drain-list.js';
import type { EventBody, PacketFilterArgs } from '../control/events.js';
import { connRow } from '../engine/conn-list.js';
import type { Drained } from '../engine/drain.js';
import { explain } from '../engine/explain/explain.js';
import type { Net } from '../engine/net.js';
import type { Packet } from '../wire/packet.js';

/** What to watch for. */
export interface Watch {
  /** Servers that were drained and are gone. */
  readonly drains?: boolean;
  readonly connections: boolean;
  /** Packets by the number of whoever wants them. */
  readonly packets: readonly { readonly id: number; readonly filter: PacketFilterArgs }[];
}

/** An event with its time, ms since 1970; of a packet, for whom it is. */
export interface Seen {
  readonly time: number;
  readonly body: EventBody;
  readonly ids?: readonly number[];
}

/** Events that wait to be handed on at most. */
const PENDING = 4096;
/** Packets that are explained in one second at most: explaining one takes a tenth of a millisecond or two. */
const EXPLAINED = 500;

/** The watch over one engine. */
export class Watcher {
  readonly #net: Net;
  /** Hands events on. False: not now. */
  readonly #post: (events: readonly Seen[]) => boolean;
  #drains = false;
  #pending: Seen[] = [];
  #lost = 0;
  #second = 0;
  #explained = 0;

  constructor(net: Net, post: (events: readonly Seen[]) => boolean) {
    this.#net = net;
    this.#post = post;
  }

  /** Watches for this from now on, and for nothing else. */
  watch({ drains = false, connections, packets }: Watch): void {
    this.#drains = drains;
    const { ipvs } = this.#net;
    ipvs.onConn = connections
      ? (made, c) => {
          if (!this.#full())
            this.#add({ event: made ? 'connection.made' : 'connection.ended', connection: connRow(ipvs, c) });
        }
      : undefined;
    const filters = packets.map(({ id, filter }) => ({ id, matches: toPacketFilter(filter) }));
    this.#net.onPacket =
      filters.length === 0
        ? undefined
        : (packet, hook) => {
            const ids = filters.filter(({ matches }) => matches(packet)).map(({ id }) => id);
            if (ids.length > 0 && !this.#full() && this.#mayExplain()) this.#explain(packet, hook, ids);
          };
  }

  /** A server that was drained is gone. */
  drained(drained: Drained): void {
    if (this.#drains && !this.#full()) this.#add({ event: 'dest.drained', ...drainedData(drained) });
  }

  /** Hands on what has come together. To be called whenever there was something to do. */
  flush(): void {
    if (this.#pending.length === 0 && this.#lost === 0) return;
    const lost: Seen[] =
      this.#lost === 0 ? [] : [{ time: Date.now(), body: { event: 'lost', count: this.#lost } }];
    if (!this.#post([...this.#pending, ...lost])) return;
    this.#pending = [];
    this.#lost = 0;
  }

  #explain(packet: Packet, hook: number, ids: readonly number[]): void {
    const explanation = explain(this.#net, packet, hook);
    const bytes = Buffer.from(packet.payload()).toString('hex');
    this.#add({ event: 'packet', explanation, bytes }, ids);
  }

  #mayExplain(): boolean {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) this.#explained = 0;
    this.#second = second;
    if (this.#explained++ < EXPLAINED) return true;
    this.#lost++;
    return false;
  }

  #full(): boolean {
    if (this.#pending.length < PENDING) return false;
    this.#lost++;
    return true;
  }

  #add(body: EventBody, ids?: readonly number[]): void {
    this.#pending.push({ time: Date.now(), body, ...(ids !== undefined && { ids }) });
  }
}
