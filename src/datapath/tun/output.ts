/** The ways out of the director: back into the TUN device, or straight onto a link. */

import { addressOf } from '../../linux/libc.js';
import { ETH_P_IP, ETH_P_IPV6, type PacketSocket } from '../../linux/packet-socket.js';
import type { TunDevice } from '../../linux/tun.js';
import { TUN_VNET_HEADER, VNET_HEADER, writeVnetHeader } from '../../linux/vnet-header.js';
import { ipv4Version } from '../../wire/ipv4.js';
import type { Packet } from '../../wire/packet.js';
import { raiseHopLimit } from './hop-limit.js';

const ETHERNET_HEADER = 14;

/** Addresses of packets' buffers, which never move. */
const addresses = new WeakMap<Packet, number>();

/** The address of `p.bytes[0]` for system calls. */
export function packetAddress(p: Packet): number {
  let address = addresses.get(p);
  if (address === undefined) {
    address = addressOf(p.bytes);
    addresses.set(p, address);
  }
  return address;
}

/** Writes packets. Each call may overwrite the bytes before `p.data`. */
export class Output {
  /** Packets that the kernel would not take. */
  refused = 0;
  readonly #tun: TunDevice;
  readonly #socket: PacketSocket;

  constructor(tun: TunDevice, socket: PacketSocket) {
    this.#tun = tun;
    this.#socket = socket;
  }

  /** Hands a packet to the kernel, to be delivered on this host. */
  deliver(p: Packet): void {
    const at = p.data - TUN_VNET_HEADER;
    writeVnetHeader(p, at, 0);
    if (!this.#tun.write(packetAddress(p) + at, p.len + TUN_VNET_HEADER)) this.refused++;
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
      p.bytes.set(destination, ethernet);
      p.bytes.set(source, ethernet + 6);
      p.view.setUint16(ethernet + 12, protocol);
    }
    const at = p.data - link - VNET_HEADER;
    writeVnetHeader(p, at, link);
    if (!this.#socket.send(packetAddress(p) + at, p.len + link + VNET_HEADER, ifindex, protocol))
      this.refused++;
  }
}
