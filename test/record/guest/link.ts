/** The far end of one of the director's links: raw frames in and out. */
import { checked, EAGAIN, lastErrno, systemError } from '../../../src/linux/errno.js';
import { closeFd } from '../../../src/linux/fd.js';
import { libc } from './libc.js';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const ETH_P_ALL = 3;
/** `sll_pkttype` of a frame that this side sent. */
const PACKET_OUTGOING = 4;
const SOCKADDR_LL = 20;
const VNET_HEADER = 10;
const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;

/** Where the transport checksum of a frame is still to be completed, offsets in bytes. */
export interface PartialChecksum {
  /** From the frame's start to the first summed byte. */
  start: number;
  /** From there to the checksum field. */
  field: number;
}

/** Frames of one interface. Made in the interface's namespace, usable from any. */
export class Link {
  /** Sends, and hears everything that arrives. */
  readonly #plain: number;
  /** Sends frames with a virtio-net header, and hears nothing. */
  readonly #offload: number;
  readonly #frame = new Uint8Array(65_536);
  readonly #from = new Uint8Array(SOCKADDR_LL);
  readonly #fromLength = new Uint32Array(1);

  /** @param ifindex the interface. */
  constructor(ifindex: number) {
    this.#plain = packetSocket();
    setOption(this.#plain, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20);
    bindTo(this.#plain, ifindex, ETH_P_ALL);
    this.#offload = packetSocket();
    setOption(this.#offload, SOL_PACKET, PACKET_VNET_HDR, 1);
    bindTo(this.#offload, ifindex, 0);
  }

  /**
   * Sends a frame; throws a `SystemError` when the interface refuses it (it is too long, say).
   * @param partial as a network card or a virtual machine does that leaves the transport checksum to the receiver.
   */
  send(frame: Uint8Array, partial?: PartialChecksum): void {
    const header = partial ? VNET_HEADER : 0;
    const bytes = new Uint8Array(header + frame.length);
    bytes.set(frame, header);
    if (partial) {
      bytes[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
      const view = new DataView(bytes.buffer);
      view.setUint16(6, partial.start, true);
      view.setUint16(8, partial.field, true);
    }
    checked(libc.sendto(partial ? this.#offload : this.#plain, bytes, bytes.length, 0, null, 0), 'send');
  }

  /** A frame that the director sent; undefined when there is none (more). */
  receive(): Uint8Array | undefined {
    for (;;) {
      this.#fromLength[0] = SOCKADDR_LL;
      const length = libc.recvfrom(
        this.#plain,
        this.#frame,
        this.#frame.length,
        0,
        this.#from,
        this.#fromLength,
      );
      if (length < 0) {
        if (lastErrno() === EAGAIN) return undefined;
        throw systemError('recvfrom');
      }
      if (this.#from[10] !== PACKET_OUTGOING) return this.#frame.slice(0, length);
    }
  }

  close(): void {
    closeFd(this.#plain);
    closeFd(this.#offload);
  }
}

function packetSocket(): number {
  // protocol 0: it hears nothing until it is bound to an interface
  return checked(libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket(AF_PACKET)');
}

function setOption(fd: number, level: number, name: number, value: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  checked(libc.setsockopt(fd, level, name, bytes, 4), `setsockopt(${level}, ${name})`);
}

function bindTo(fd: number, ifindex: number, protocol: number): void {
  const address = new Uint8Array(SOCKADDR_LL);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, protocol);
  view.setInt32(4, ifindex, true);
  checked(libc.bind(fd, address, SOCKADDR_LL), 'bind(AF_PACKET)');
}
