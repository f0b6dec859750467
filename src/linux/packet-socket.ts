/** packet(7) sockets that only send: whole link-layer frames, by interface, with a virtio-net header before each. */

import { IpvsError } from '../errors.js';
import { LITTLE } from '../wire/netlink.js';
import { checked, EPERM, lastErrno } from './errno.js';
import { closeFd } from './fd.js';
import { libc, Memory } from './libc.js';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;

/** `struct sockaddr_ll`. */
export const SOCKADDR_LL = 20;

/** EtherTypes. */
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;

/** Writes a `struct sockaddr_ll`, which to send by needs family, EtherType and interface alone. */
export function writeLinkAddress(view: DataView, at: number, ifindex: number, protocol: number): void {
  view.setUint16(at, AF_PACKET, LITTLE);
  view.setUint16(at + 2, protocol);
  view.setInt32(at + 4, ifindex, LITTLE);
}

/** Sends frames. Each has `VNET_HEADER` bytes before its link-layer header. */
export class PacketSocket {
  readonly fd: number;
  readonly #address = new Memory(SOCKADDR_LL);
  readonly #view = new DataView(this.#address.bytes.buffer);

  /** @throws NOT_PERMITTED, SYSTEM */
  constructor() {
    // protocol 0: it receives nothing
    this.fd = libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (this.fd < 0 && lastErrno() === EPERM) {
      throw new IpvsError('NOT_PERMITTED', 'socket(AF_PACKET): EPERM: it needs root, or CAP_NET_RAW');
    }
    checked(this.fd, 'socket(AF_PACKET)');
    checked(
      libc.setsockopt(this.fd, SOL_PACKET, PACKET_VNET_HDR, Int32Array.of(1), 4),
      'setsockopt(PACKET_VNET_HDR)',
    );
  }

  /**
   * Sends the frame at `address` out of interface `ifindex`.
   * @param protocol EtherType of what the frame carries.
   * @returns false when the kernel refused it (no such interface, its queue is full).
   */
  send(address: number, length: number, ifindex: number, protocol: number): boolean {
    writeLinkAddress(this.#view, 0, ifindex, protocol);
    return libc.sendto(this.fd, address, length, 0, this.#address.address, SOCKADDR_LL) === length;
  }

  close(): void {
    closeFd(this.fd);
  }
}
