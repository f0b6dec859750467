/** Netlink sockets between processes (NETLINK_USERSOCK): to a program they are like those that the kernel answers on. */
import { LITTLE, NLM_F_MULTI } from '../wire/netlink.js';
import { checked, EAGAIN, lastErrno, systemError } from './errno.js';
import { closeFd } from './fd.js';
import { libc, Memory } from './libc.js';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_USERSOCK = 2;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const SO_PROTOCOL = 38;
const SO_DOMAIN = 39;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const MSG_DONTWAIT = 0x40;
/** Bytes of `struct sockaddr_nl`: family u16, padding u16, port u32, groups u32. */
export const SOCKADDR_NL = 12;

/**
 * Bytes of a datagram at most. The kernel's dumps come in pieces of at most a page less what goes with it, so every program has room
 * for as much.
 */
const DATAGRAM = 3776;
/** What a datagram takes of a receiver's buffer, more or less. */
const FOOTPRINT = 8192;

/** Makes a socket for a program. @param type SOCK_RAW or SOCK_DGRAM, with SOCK_NONBLOCK and SOCK_CLOEXEC. */
export function openUserNetlink(type: number): number {
  return checked(libc.socket(AF_NETLINK, type, NETLINK_USERSOCK), 'socket(NETLINK_USERSOCK)');
}

/** Whether a descriptor is a socket of {@link openUserNetlink}. */
export function isUserNetlink(fd: number): boolean {
  return (
    option(fd, SOL_SOCKET, SO_DOMAIN) === AF_NETLINK &&
    option(fd, SOL_SOCKET, SO_PROTOCOL) === NETLINK_USERSOCK
  );
}

/** Whether a socket wants errors without the request that they are about. */
export function wantsCapped(fd: number): boolean {
  return (option(fd, SOL_NETLINK, NETLINK_CAP_ACK) ?? 0) !== 0;
}

/** How long a program waits for a message at most, ms (`SO_RCVTIMEO`). */
export function receiveTimeout(fd: number): number {
  // struct timeval: seconds i64, microseconds i64
  const value = new BigInt64Array(2);
  const bytes = new Uint8Array(value.buffer);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, bytes, Uint32Array.of(bytes.length)) !== 0)
    return Infinity;
  const ms = Number(value[0]) * 1000 + Number(value[1]) / 1000;
  return ms === 0 ? Infinity : ms;
}

/** The port of a socket, which gets one when it has none, as at the first message to the kernel. */
export function portOf(fd: number): number {
  const address = new Memory(SOCKADDR_NL);
  const view = new DataView(address.bytes.buffer);
  const port = (): number => {
    checked(libc.getsockname(fd, address.address, Uint32Array.of(SOCKADDR_NL)), 'getsockname(AF_NETLINK)');
    return view.getUint32(4, LITTLE);
  };
  const found = port();
  if (found !== 0) return found;
  const any = new Uint8Array(SOCKADDR_NL);
  new DataView(any.buffer).setUint16(0, AF_NETLINK, LITTLE);
  checked(libc.bind(fd, any, any.length), 'bind(AF_NETLINK)');
  return port();
}

/** The address of the kernel, or of a socket. */
export function netlinkAddress(port: number): Uint8Array {
  const address = new Uint8Array(SOCKADDR_NL);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, LITTLE);
  view.setUint32(4, port, LITTLE);
  return address;
}

/** Where answers to programs come from. */
export class UserNetlink {
  readonly #fd = openUserNetlink(SOCK_RAW | SOCK_CLOEXEC);

  /**
   * Puts messages into the buffer of a program's socket, which is made large enough for all of them.
   * @param to a descriptor of that socket. @param port of it.
   */
  deliver(to: number, port: number, messages: readonly Uint8Array[]): void {
    const datagrams = pack(messages);
    const address = netlinkAddress(port);
    let sent = 0;
    let room = FOOTPRINT * datagrams.length;
    if (datagrams.length > 1) enlarge(to, room);
    while (sent < datagrams.length) {
      const datagram = datagrams[sent]!;
      if (libc.sendto(this.#fd, datagram, datagram.length, MSG_DONTWAIT, address, address.length) >= 0) {
        sent++;
        continue;
      }
      // what came before has not been read yet
      if (lastErrno() !== EAGAIN) throw systemError('sendto(NETLINK_USERSOCK)');
      room *= 2;
      enlarge(to, room);
    }
  }

  close(): void {
    closeFd(this.#fd);
  }
}

function enlarge(fd: number, bytes: number): void {
  checked(
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, Int32Array.of(bytes), 4),
    'setsockopt(SO_RCVBUFFORCE)',
  );
}

/** Messages as datagrams. Only those of a dump come together, as from the kernel: programs wait for an acknowledgement that comes by itself. */
function pack(messages: readonly Uint8Array[]): Uint8Array[] {
  const datagrams: Uint8Array[][] = [];
  let room = 0;
  for (const message of messages) {
    const multi = (new DataView(message.buffer, message.byteOffset).getUint16(6, LITTLE) & NLM_F_MULTI) !== 0;
    if (multi && message.length <= room) datagrams.at(-1)!.push(message);
    else {
      datagrams.push([message]);
      room = multi ? DATAGRAM : 0;
    }
    room -= message.length;
  }
  return datagrams.map((together) => Buffer.concat(together));
}

function option(fd: number, level: number, name: number): number | undefined {
  const value = new Int32Array(1);
  return libc.getsockopt(fd, level, name, value, Uint32Array.of(4)) === 0 ? value[0] : undefined;
}
