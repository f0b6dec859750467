/** The ways out of the director: back into the TUN device, or straight onto a link. */

import { addressOf } from '../../linux/libc.js';
import { PacketBatch } from '../../linux/packet-batch.js';
import { ETH_P_IP, ETH_P_IPV6, type PacketSocket } from '../../linux/packet-socket.js';
import type { TunDevice } from '../../linux/tun.js';
import { TUN_VNET_HEADER, VNET_HEADER, writeVnetHeader } from '../../linux/vnet-header.js';
import { ipv4Version } from '../../wire/ipv4.js';
import type { Packet } from '../../wire/packet.js';
import { raiseHopLimit } from './hop-limit.js';

const ETHERNET_HEADER = 14;

/** The address of `p.bytes[0]` for system calls. */
export function packetAddress(p: Packet): number {
  if (p.address === 0) p.address = addressOf(p.bytes);
  return p.address;
}

/** Packets that wait at most. */
const HELD = 256;

/** Writes packets. Each call may overwrite the bytes before `p.data`. */
export class Output {
  /** Packets that the kernel would not take. */
  refused = 0;
  readonly #tun: TunDevice;
  readonly #socket: PacketSocket;
  #mayWait: Packet | undefined;
  #held = 0;
  /** Those for the TUN device, which takes one at a time. */
  readonly #addresses = new Float64Array(HELD);
  readonly #lengths = new Uint32Array(HELD);
  readonly #frames: PacketBatch;

  constructor(tun: TunDevice, socket: PacketSocket) {
    this.#tun = tun;
    this.#socket = socket;
    this.#frames = new PacketBatch(socket, HELD);
  }

  /**
   * What is made of `p` waits until {@link release}, so that what it causes can be provided for before. Its bytes are to stay as they are until then.
   * Other packets do not wait, and let none wait any longer that came before them.
   * @param p a packet that is written no more than once; undefined when the next is not to wait.
   */
  hold(p: Packet | undefined): void {
    this.#mayWait = p;
  }

  /** Writes what waits, in its order on each of the two ways. */
  release(): void {
    for (let i = 0; i < this.#held; i++) this.#write(this.#addresses[i]!, this.#lengths[i]!);
    this.#held = 0;
    if (this.#frames.count > 0) this.refused += this.#frames.send();
  }

  /** Hands a packet to the kernel, to be delivered on this host. */
  deliver(p: Packet): void {
    const at = p.data - TUN_VNET_HEADER;
    writeVnetHeader(p, at, 0);
    const address = packetAddress(p) + at;
    const length = p.len + TUN_VNET_HEADER;
    if (!this.#waits(p, this.#held)) {
      this.#write(address, length);
      return;
    }
    this.#addresses[this.#held] = address;
    this.#lengths[this.#held++] = length;
  }

  /** Hands a packet to the kernel, to be routed; what the kernel will take from its TTL is made up for. */
  forward(p: Packet): void {
    raiseHopLimit(p);
    this.deliver(p);
  }

  /**
   * Sends a packet out of an interface, past the kernel's routing.
   * @param destination,source hardware addresses; undefined where the link has no header.
   */
  send(
    p: Packet,
    ifindex: number,
    destination: Uint8Array | undefined,
    source: Uint8Array | undefined,
  ): void {
    const protocol = ipv4Version(p.view, p.data) === 4 ? ETH_P_IP : ETH_P_IPV6;
    let link = 0;
    if (destination !== undefined && source !== undefined) {
      link = ETHERNET_HEADER;
      const ethernet = p.data - ETHERNET_HEADER;
      // for six bytes a loop is quicker than `set`
      for (let i = 0; i < 6; i++) {
        p.bytes[ethernet + i] = destination[i]!;
        p.bytes[ethernet + 6 + i] = source[i]!;
      }
      p.view.setUint16(ethernet + 12, protocol);
    }
    const at = p.data - link - VNET_HEADER;
    writeVnetHeader(p, at, link);
    const address = packetAddress(p) + at;
    const length = p.len + link + VNET_HEADER;
    if (this.#waits(p, this.#frames.count)) this.#frames.add(address, length, ifindex, protocol);
    else if (!this.#socket.send(address, length, ifindex, protocol)) this.refused++;
  }

  /** The packet may wait, of which `count` do; otherwise none waits any longer. */
  #waits(p: Packet, count: number): boolean {
    if (p === this.#mayWait && count < HELD) {
      this.#mayWait = undefined;
      return true;
    }
    this.release();
    return false;
  }

  #write(address: number, length: number): void {
    if (!this.#tun.write(address, length)) this.refused++;
  }
}
