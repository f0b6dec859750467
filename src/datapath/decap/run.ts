/**
 * `ipvsd decap`: the far end of the tunnels on a real server whose kernel has no tunnel devices. Encapsulated packets come by raw sockets (or a UDP
 * socket), and what was inside goes to this host through a TUN device.
 */
import { IpvsError } from '../../errors.js';
import { addressOf } from '../../linux/libc.js';
import { enterNetns } from '../../linux/netns.js';
import { ReadPoll } from '../../linux/poll.js';
import { type Listen, ReceiveSocket } from '../../linux/receive-socket.js';
import { openRtnetlink } from '../../linux/rtnetlink.js';
import type { TunDevice } from '../../linux/tun.js';
import { TUN_VNET_HEADER, writeVnetHeader } from '../../linux/vnet-header.js';
import { AF_INET, anyAddr, type InetAddr, inetToString } from '../../wire/inet.js';
import { HEADROOM, Packet } from '../../wire/packet.js';
import { acceptAllSources, bringUp, openDevice, presentFamilies } from '../tun-setup.js';
import { acceptInner, IPPROTO_GRE, IPPROTO_IPIP, IPPROTO_IPV6, pullGre, pullGue, pullIpv4 } from './inner.js';

/** Kinds of tunnels. */
export const DECAP_TUNNELS = ['ipip', 'gre', 'gue'] as const;
export type DecapTunnel = (typeof DECAP_TUNNELS)[number];

/** How to run a decapsulator. */
export interface DecapOptions {
  /** Network namespace by its name; this thread's own when left out. */
  readonly netns?: string;
  /** Name of the TUN device. @default `ipvsdecap0` */
  readonly device?: string;
  /** @default `ipip`, which stands for all four of 4in4, 6in4, 4in6 and 6in6 */
  readonly tunnels?: readonly DecapTunnel[];
  /** UDP port of GUE. @default 6080 */
  readonly guePort?: number;
  /** Addresses of this host that tunnels end at. @default all */
  readonly addresses?: readonly InetAddr[];
  /** Directors that packets are taken from. @default all */
  readonly from?: readonly InetAddr[];
  /** Called when packets are taken from now on, with the device's name. */
  readonly onReady?: (device: string) => void;
}

/** What became of packets. */
export interface DecapCounters {
  /** Delivered to this host. */
  delivered: number;
  /** From somebody who is no director. */
  strangers: number;
  /** Without a packet inside that this host could use. */
  malformed: number;
  /** The kernel would not take them. */
  refused: number;
}

const DEVICE = 'ipvsdecap0';
const GUE_PORT = 6080;
/** Packets taken from a socket before the others have their turn. */
const BATCH = 256;
/** Longest time between two looks at the signal, ms. */
const IDLE = 100;

interface Tunnel {
  readonly socket: ReceiveSocket;
  readonly kind: DecapTunnel;
}

/**
 * Takes packets out of tunnels until `signal` is aborted, and removes what it made. The calling thread is its own meanwhile: other work is done
 * only between batches.
 * @throws ALREADY_SERVED when the device is in use, NOT_PERMITTED, NO_NETNS, SYSTEM.
 */
export async function runDecap(options: DecapOptions, signal: AbortSignal): Promise<DecapCounters> {
  if (options.netns !== undefined) enterNetns(options.netns);
  const device = openDevice(options.device ?? DEVICE);
  const tunnels: Tunnel[] = [];
  try {
    setUp(device);
    tunnels.push(...openTunnels(options));
    const decapsulator = new Decapsulator(device, tunnels, options.from ?? []);
    options.onReady?.(device.name);
    while (!signal.aborted) {
      decapsulator.turn(IDLE);
      // signals and messages are handled here
      await new Promise((resolve) => setImmediate(resolve));
    }
    return decapsulator.counters;
  } finally {
    for (const { socket } of tunnels) socket.close();
    device.close();
  }
}

function setUp(device: TunDevice): void {
  const socket = openRtnetlink();
  try {
    acceptAllSources(socket, device, bringUp(socket, device, presentFamilies()));
  } finally {
    socket.close();
  }
}

function openTunnels({ tunnels = ['ipip'], guePort = GUE_PORT, addresses }: DecapOptions): Tunnel[] {
  const ends = addresses ?? presentFamilies().map(anyAddr);
  const listens: { kind: DecapTunnel; listen: Listen }[] = [];
  for (const kind of new Set(tunnels)) {
    if (kind === 'gue') listens.push({ kind, listen: { port: guePort } });
    else if (kind === 'gre') listens.push({ kind, listen: { protocol: IPPROTO_GRE } });
    else for (const protocol of [IPPROTO_IPIP, IPPROTO_IPV6]) listens.push({ kind, listen: { protocol } });
  }
  const open: Tunnel[] = [];
  try {
    for (const { kind, listen } of listens) {
      for (const address of ends) open.push({ kind, socket: openSocket(listen, address) });
    }
  } catch (error) {
    for (const { socket } of open) socket.close();
    throw error;
  }
  return open;
}

function openSocket(listen: Listen, address: InetAddr): ReceiveSocket {
  try {
    return new ReceiveSocket(listen, address);
  } catch (error) {
    throw new IpvsError('SYSTEM', `${inetToString(address)}: ${(error as Error).message}`);
  }
}

/** The sockets, the device, and the packets between them. */
class Decapsulator {
  readonly counters: DecapCounters = { delivered: 0, strangers: 0, malformed: 0, refused: 0 };
  readonly #device: TunDevice;
  readonly #tunnels: readonly Tunnel[];
  readonly #from: readonly InetAddr[];
  readonly #poll: ReadPoll;
  readonly #packet = new Packet();
  readonly #address = addressOf(this.#packet.bytes);

  constructor(device: TunDevice, tunnels: readonly Tunnel[], from: readonly InetAddr[]) {
    this.#device = device;
    this.#tunnels = tunnels;
    this.#from = from;
    // the device is read too: what this host sends into it has nowhere to go
    this.#poll = new ReadPoll([device.fd, ...tunnels.map(({ socket }) => socket.fd)]);
  }

  /** Waits up to `timeout` ms for packets and passes those on that have come. */
  turn(timeout: number): void {
    if (this.#poll.wait(timeout) === 0) return;
    if (this.#poll.ready(0)) while (this.#device.read(this.#address, this.#packet.bytes.length) >= 0);
    for (let i = 0; i < this.#tunnels.length; i++) {
      if (this.#poll.ready(i + 1)) this.#drain(this.#tunnels[i]!);
    }
  }

  #drain({ socket, kind }: Tunnel): void {
    const p = this.#packet;
    const capacity = p.bytes.length - HEADROOM;
    for (let i = 0; i < BATCH; i++) {
      const n = socket.receive(this.#address + HEADROOM, capacity);
      if (n < 0) return;
      if (this.#from.length > 0 && !this.#from.some((director) => socket.cameFrom(director))) {
        this.counters.strangers++;
        continue;
      }
      p.reset(HEADROOM, n);
      if (!unwrap(p, kind, socket.address.family)) this.counters.malformed++;
      else this.#deliver(p);
    }
  }

  #deliver(p: Packet): void {
    const at = p.data - TUN_VNET_HEADER;
    writeVnetHeader(p, at, 0);
    if (this.#device.write(this.#address + at, p.len + TUN_VNET_HEADER)) this.counters.delivered++;
    else this.counters.refused++;
  }
}

/** Leaves the inner packet. Only raw IPv4 sockets hand the outer header over. */
function unwrap(p: Packet, kind: DecapTunnel, family: number): boolean {
  const ecn = family === AF_INET && kind !== 'gue' ? pullIpv4(p) : 0;
  if (ecn < 0) return false;
  if (kind === 'gre' && !pullGre(p)) return false;
  if (kind === 'gue' && !pullGue(p)) return false;
  return acceptInner(p, ecn);
}
