/** Packets of many flows, in an order that is prepared before anything is measured. */

import { FORESEEN_MAX } from '../../src/engine/foresee.js';
import type { Net } from '../../src/engine/net.js';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from '../../src/engine/verdict.js';
import { IPV4_MIN } from '../../src/wire/ipv4.js';
import { HEADROOM, type Packet } from '../../src/wire/packet.js';
import { ACK, tcp, UDP, udp } from '../../test/support/packets.js';
import type { Random } from './random.js';

/** First client; flow `i` comes from client `i >>> 14`, port 1024 + (i & 16383). */
const CLIENT = 0x1400_0001;
const PORTS = 14;
/** Words a packet is described by: source, destination, ports, direction. */
const WORDS = 4;

/** One flow, as the client has it. IPv6 addresses differ in their last word only. */
export function clientOf(flow: number): number {
  return CLIENT + (flow >>> PORTS);
}

/** The client's port of a flow. */
export function portOf(flow: number): number {
  return 1024 + (flow & ((1 << PORTS) - 1));
}

/** Where the flow's packets go to, and which server was chosen for it. */
export interface Flows {
  readonly count: number;
  readonly vip: number;
  readonly vport: number;
  /** Address of each flow's server (last word), as the engine chose it. */
  readonly server: Int32Array;
  readonly serverPort: number;
  readonly v6: boolean;
}

/** A stream of packets: `length` of them, requests and replies in turn of flows drawn at random. */
export class FlowStream {
  readonly length: number;
  private readonly words: Int32Array;
  private readonly template: Uint8Array;
  private readonly transport: number;
  private readonly v6: boolean;
  private readonly hooks = new Uint8Array(FORESEEN_MAX);

  /** @param protocol 6 (segments with ACK alone) or 17. */
  constructor(flows: Flows, protocol: number, length: number, random: Random) {
    this.length = length;
    this.v6 = flows.v6;
    const [from, to] = flows.v6 ? ['fd00:1::1', 'fd00:1::100'] : ['10.1.0.10', '10.1.0.100'];
    this.template = protocol === UDP ? udp(from, 1, to, 2) : tcp(from, 1, to, 2, ACK);
    this.transport = flows.v6 ? 40 : IPV4_MIN;
    this.words = new Int32Array(length * WORDS);
    for (let i = 0; i < length; i++) {
      const flow = random.below(flows.count);
      const reply = i & 1;
      const w = i * WORDS;
      this.words[w] = reply ? flows.server[flow]! : clientOf(flow);
      this.words[w + 1] = reply ? clientOf(flow) : flows.vip;
      this.words[w + 2] = reply
        ? (flows.serverPort << 16) | portOf(flow)
        : (portOf(flow) << 16) | flows.vport;
      this.words[w + 3] = reply;
    }
  }

  /** Puts what all packets share into `p`. */
  begin(p: Packet): void {
    p.load(this.template);
  }

  /** Makes `p` packet `i`, as if it had just been read; returns the hook where it arrives. */
  write(p: Packet, i: number): number {
    const { words, v6 } = this;
    const v = p.view;
    const w = i * WORDS;
    const reply = words[w + 3]!;
    p.reset(HEADROOM, this.template.length);
    p.ifindex = 2;
    if (v6) {
      v.setUint8(HEADROOM + 7, 64);
      // fd00:1::client, fd00:1::vip, fd00:2::server
      v.setInt32(HEADROOM + 8, reply ? 0xfd00_0002 : 0xfd00_0001);
      v.setInt32(HEADROOM + 20, words[w]!);
      v.setInt32(HEADROOM + 24, 0xfd00_0001);
      v.setInt32(HEADROOM + 36, words[w + 1]!);
    } else {
      v.setInt32(HEADROOM + 8, (64 << 24) | (this.template[9]! << 16) | 0x1234);
      v.setInt32(HEADROOM + 12, words[w]!);
      v.setInt32(HEADROOM + 16, words[w + 1]!);
    }
    v.setInt32(HEADROOM + this.transport, words[w + 2]!);
    v.setUint16(HEADROOM + this.transport + (this.template.length - this.transport === 8 ? 6 : 16), 0x1234);
    return reply ? NF_INET_FORWARD : NF_INET_LOCAL_IN;
  }

  /** Gives packets `from` to `to` to the engine. The clock goes on a millisecond every 1024 packets. */
  play(net: Net, p: Packet, from: number, to: number, clock: { now: number }): void {
    for (let i = from; i < to; i++) {
      net.receive(p, this.write(p, i));
      if ((i & 1023) === 0) net.advance(++clock.now);
    }
  }

  /** As {@link play}, by as many packets at a time as `packets` are, which the engine is told of first. */
  playAhead(net: Net, packets: readonly Packet[], from: number, to: number, clock: { now: number }): void {
    const n = packets.length;
    for (let i = from; i < to; i += n) {
      for (let j = 0; j < n; j++) this.hooks[j] = this.write(packets[j]!, i + j);
      net.foresee(packets, n);
      for (let j = 0; j < n; j++) net.receive(packets[j]!, this.hooks[j]!);
      if ((i & 1023) === 0) net.advance(++clock.now);
    }
  }

  /** What {@link play} does besides the engine's work. */
  playNothing(p: Packet, from: number, to: number): number {
    let sum = 0;
    for (let i = from; i < to; i++) sum += this.write(p, i);
    return sum;
  }
}
