/** The loop that carries packets: poll, read, decide, write. */

import { availableParallelism } from 'node:os';
import { IPPROTO_ICMPV6 } from '../../engine/flags.js';
import type { Net } from '../../engine/net.js';
import {
  NF_ACCEPT,
  NF_DROP,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
} from '../../engine/verdict.js';
import type { EventFd } from '../../linux/eventfd.js';
import { ReadPoll } from '../../linux/poll.js';
import { yieldProcessor } from '../../linux/scheduling.js';
import type { TunDevice } from '../../linux/tun.js';
import { readVnetHeader, TUN_VNET_HEADER } from '../../linux/vnet-header.js';
import { checksum, ipv4ChecksumOk, pseudoSum6 } from '../../wire/checksum.js';
import { AF_INET, AF_INET6 } from '../../wire/inet.js';
import { IPV4_MIN, ipv4HeaderLength, ipv4TotalLength, ipv4Version } from '../../wire/ipv4.js';
import {
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_SOURCE,
  ipv6NextHeader,
  ipv6PayloadLength,
} from '../../wire/ipv6.js';
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, HEADROOM, Packet } from '../../wire/packet.js';
import { Reassembler } from '../../wire/reassembly.js';
import type { Arrivals } from './arrivals.js';
import { BusyPoll } from './busy-poll.js';
import { raiseHopLimit } from './hop-limit.js';
import { packetAddress } from './output.js';
import type { TunHost } from './tun-host.js';

/** What became of packets. */
export interface LoopCounters {
  /** Given to the engine: by the TUN devices, */
  packets: number;
  /** and, of these, by the ring buffer of arrivals. */
  handedOver: number;
  /** Let pass by the engine. */
  accepted: number;
  /** Sent on by the engine itself. */
  forwarded: number;
  /** Dropped by the engine. */
  dropped: number;
  /** Not IP, or with lengths that cannot be. */
  malformed: number;
  /** Fragments taken for reassembly. */
  fragments: number;
}

/** A device to read from. */
export interface Input {
  readonly device: TunDevice;
  /** Firewall mark of every packet that comes by it; 0 for none. */
  readonly mark: number;
}

/** Packets taken from a device before the others and the timers have their turn. */
const BATCH = 256;
/** Of these, how many are read before the first is decided, so that the engine can look ahead. */
const AHEAD = 16;
/** More packets than may have been handed over and not been taken. */
const EVERYTHING = 8192;
/** While it looks for packets it asks this often whether there is something else, ms. */
const GLANCE = 0.01;
/** Longest sleep, ms: the engine's timers tick every 10 ms, but none is that urgent while nothing comes. */
const IDLE = 100;
const SECOND = 1000;

/**
 * Owns the thread while it runs. It comes back when `wake` is signalled, so that messages can be handled, and is then run again.
 */
export class TunLoop {
  readonly counters: LoopCounters = {
    packets: 0,
    handedOver: 0,
    accepted: 0,
    forwarded: 0,
    dropped: 0,
    malformed: 0,
    fragments: 0,
  };
  readonly #net: Net;
  readonly #host: TunHost;
  readonly #wake: EventFd;
  readonly #onSecond: () => void;
  readonly #busyPoll: BusyPoll;
  readonly #packets = Array.from({ length: AHEAD }, () => new Packet());
  readonly #words = new Int32Array(8);
  readonly #reassembler = {
    4: new Reassembler({ timeoutMs: 30_000, maxBytes: 4 << 20 }),
    6: new Reassembler({ timeoutMs: 60_000, maxBytes: 4 << 20 }),
  };
  /** Called when some packets are decided, before they are sent. */
  onDecided: () => void = () => {};
  /** Called when the packets that had come in are done with, before the next sleep. */
  onTurn: () => void = () => {};
  readonly #start = performance.now();
  #ifindex = 0;
  #inputs: readonly Input[] = [];
  #arrivals: Arrivals | undefined;
  #poll!: ReadPoll;
  #nextSecond = SECOND;

  /**
   * @param onSecond called about once a second.
   * @param busyPoll how long to look for more of what is handed over before going to sleep, µs.
   */
  constructor(net: Net, host: TunHost, wake: EventFd, onSecond: () => void, busyPoll: number) {
    this.#net = net;
    this.#host = host;
    this.#wake = wake;
    this.#onSecond = onSecond;
    this.#busyPoll = new BusyPoll(busyPoll / 1000);
    this.#busyPoll.alone = availableParallelism() === 1;
    host.sync.onChange = () => this.#watch();
  }

  /** Reads from these devices from now on. @param ifindex what packets from outside are said to have come in by. */
  setInputs(inputs: readonly Input[], ifindex: number): void {
    this.#inputs = inputs;
    this.#ifindex = ifindex;
    this.#watch();
  }

  /** Takes what is handed over there as well, from now on. */
  set arrivals(arrivals: Arrivals | undefined) {
    this.#arrivals = arrivals;
    this.#watch();
  }

  #watch(): void {
    this.#poll = new ReadPoll([
      this.#wake.fd,
      this.#host.kernel.fd,
      ...this.#inputs.map(({ device }) => device.fd),
      ...this.#host.sync.fds,
      ...(this.#arrivals === undefined ? [] : [this.#arrivals.fd]),
    ]);
  }

  /** Carries packets until `wake` is signalled. */
  run(): void {
    for (;;) {
      const poll = this.#poll;
      this.#wait(poll);
      this.#advance();
      // a timer has brought other devices
      if (poll !== this.#poll) continue;
      if (poll.ready(1)) this.#host.kernel.follow(this.#host.now);
      this.#takeArrivals(BATCH);
      const devices = this.#inputs.length;
      for (let i = 0; i < devices; i++) if (poll.ready(2 + i)) this.#drain(this.#inputs[i]!);
      const end = poll.count - (this.#arrivals === undefined ? 0 : 1);
      for (let i = 2 + devices; i < end; i++) if (poll.ready(i)) this.#host.sync.drain(i - 2 - devices);
      this.onTurn();
      if (poll.ready(0)) {
        this.#wake.clear();
        return;
      }
    }
  }

  /** Sleeps until there is something to do. */
  #wait(poll: ReadPoll): void {
    const arrivals = this.#arrivals;
    const timeout = Math.min(this.#net.nextTimer(IDLE), IDLE);
    if (arrivals === undefined) {
      poll.wait(timeout);
      return;
    }
    if (this.#look(poll, arrivals)) return;
    if (!arrivals.pending) arrivals.sleep();
    poll.wait(arrivals.pending ? 0 : timeout);
    arrivals.wake();
  }

  /** Looks for more instead of sleeping, as long as that is to be done; other threads go first. @returns true when there is something to do. */
  #look(poll: ReadPoll, arrivals: Arrivals): boolean {
    for (let now = this.#time(); now < this.#busyPoll.until; ) {
      if (poll.wait(0) > 0) return true;
      const glance = now + GLANCE;
      do {
        if (arrivals.pending) return true;
        yieldProcessor();
        now = this.#time();
      } while (now < glance);
    }
    return false;
  }

  /** The clock, ms. */
  #time(): number {
    return performance.now() - this.#start;
  }

  /** Takes over what the fast path has carried until now. */
  #replay(): void {
    const { fastPath, net } = this.#net.ipvs;
    fastPath?.replay(Math.floor((this.#host.now * net.hz) / 1000) | 0);
  }

  #advance(): void {
    const now = this.#time();
    this.#host.now = now;
    this.#replay();
    this.#net.advance(now);
    if (now < this.#nextSecond) return;
    this.#nextSecond = now + SECOND;
    this.#busyPoll.alone = availableParallelism() === 1;
    this.#host.kernel.tick(now);
    this.#reassembler[4].expire(now);
    this.#reassembler[6].expire(now);
    this.#onSecond();
  }

  #drain({ device, mark }: Input): void {
    for (let i = 0; i < BATCH; i += AHEAD) {
      const n = this.#read(device);
      // what was handed over came before it
      this.#takeArrivals(EVERYTHING);
      for (let j = 0; j < n; j++) this.#packets[j]!.mark = mark;
      this.#decide(this.#packets, n);
      if (n < AHEAD) return;
    }
  }

  /** Takes what was handed over. @param most packets, or a few more. */
  #takeArrivals(most: number): void {
    const arrivals = this.#arrivals;
    if (arrivals === undefined) return;
    // each time one that is still being written may have been in the way
    for (let i = 0; i < most && arrivals.pending; i += arrivals.packets.length) {
      const n = arrivals.read();
      this.counters.packets += n;
      this.counters.handedOver += n;
      this.#decide(arrivals.packets, n);
    }
  }

  /** Has the engine decide about packets, and sends what comes of them. */
  #decide(packets: readonly Packet[], n: number): void {
    // what was carried came before them
    this.#replay();
    if (n > 1) this.#net.foresee(packets, n);
    for (let j = 0; j < n; j++) {
      const p = packets[j]!;
      // of many segments in one, each is written by itself
      this.#host.output.hold(p.gsoSize === 0 ? p : undefined);
      this.#input(p);
    }
    this.#host.output.hold(undefined);
    this.onDecided();
    this.#host.output.release();
    if (n > 0) this.#busyPoll.came(this.#time());
  }

  /** Reads as many packets as there are and as can be held. @returns their number. */
  #read(device: TunDevice): number {
    const at = HEADROOM - TUN_VNET_HEADER;
    for (let i = 0; i < AHEAD; i++) {
      const p = this.#packets[i]!;
      const n = device.read(packetAddress(p) + at, p.bytes.length - at);
      if (n < 0) return i;
      this.counters.packets++;
      p.reset(HEADROOM, n - TUN_VNET_HEADER);
      readVnetHeader(p, at);
    }
    return AHEAD;
  }

  #input(p: Packet): void {
    const version = p.len > 0 ? ipv4Version(p.view, p.data) : 0;
    if (version === 4 ? !trim4(p) : version !== 6 || !trim6(p)) {
      this.counters.malformed++;
      return;
    }
    if (!this.#reassembler[version as 4 | 6].input(p, this.#host.now)) {
      this.counters.fragments++;
      return;
    }
    if (version === 6) verifyIcmp6(p);
    const hook = this.#hookOf(p);
    // the kernel has counted the way into the TUN device as a hop, which is one too many for what has arrived
    if (hook === NF_INET_LOCAL_IN) raiseHopLimit(p);
    p.ifindex = hook === NF_INET_LOCAL_OUT ? 0 : this.#ifindex;
    const verdict = this.#net.receive(p, hook);
    if (verdict === NF_ACCEPT) {
      this.counters.accepted++;
      // the destination may be another one by now
      this.#host.pass(p, this.#host.isLocal(this.#readAddresses(p), this.#words, 4));
    } else if (verdict === NF_DROP) this.counters.dropped++;
    else this.counters.forwarded++;
  }

  #hookOf(p: Packet): number {
    const family = this.#readAddresses(p);
    if (this.#host.isLocal(family, this.#words, 0)) return NF_INET_LOCAL_OUT;
    // marked packets are taken for the director's own wherever they go: `fwmark` services balance so
    return p.mark !== 0 || this.#host.isLocal(family, this.#words, 4) ? NF_INET_LOCAL_IN : NF_INET_FORWARD;
  }

  /** Brings the source address to `#words[0]` and the destination to `#words[4]`. @returns the family. */
  #readAddresses(p: Packet): number {
    const v = p.view;
    const words = this.#words;
    if (ipv4Version(v, p.data) === 4) {
      words[0] = v.getInt32(p.data + 12);
      words[4] = v.getInt32(p.data + 16);
      return AF_INET;
    }
    for (let i = 0; i < 4; i++) {
      words[i] = v.getInt32(p.data + IPV6_SOURCE + 4 * i);
      words[4 + i] = v.getInt32(p.data + IPV6_DESTINATION + 4 * i);
    }
    return AF_INET6;
  }
}

/** Cuts what lies behind the packet. @returns false when its header cannot be right. */
function trim4(p: Packet): boolean {
  if (p.len < IPV4_MIN) return false;
  const header = ipv4HeaderLength(p.view, p.data);
  const total = ipv4TotalLength(p.view, p.data);
  if (header < IPV4_MIN || total < header || total > p.len) return false;
  // nobody has looked at it yet where a program steers
  if (!ipv4ChecksumOk(p.view, p.data, header)) return false;
  p.len = total;
  return true;
}

/** As {@link trim4}. */
function trim6(p: Packet): boolean {
  if (p.len < IPV6_HEADER) return false;
  const total = IPV6_HEADER + ipv6PayloadLength(p.view, p.data);
  if (total > p.len) return false;
  p.len = total;
  return true;
}

/**
 * Takes over from the network card, which mostly does it: a right ICMPv6 checksum is known to be right. IPVS itself sums such packets without their
 * pseudo header, and so drops errors that nobody has looked at before.
 */
function verifyIcmp6(p: Packet): void {
  const v = p.view;
  if (p.ipSummed !== CHECKSUM_NONE || ipv6NextHeader(v, p.data) !== IPPROTO_ICMPV6) return;
  const length = p.len - IPV6_HEADER;
  const sum = pseudoSum6(v, p.data, IPPROTO_ICMPV6, length);
  if (checksum(v, p.data + IPV6_HEADER, length, sum) === 0) p.ipSummed = CHECKSUM_UNNECESSARY;
}
