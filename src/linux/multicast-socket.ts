/** udp(7) sockets for one multicast group on one interface: one kind sends to it, the other hears it. */
import { AF_INET, type InetAddr, inetBytes } from '../wire/inet.js';
import { checked, EAGAIN, EINTR, lastErrno } from './errno.js';
import { closeFd } from './fd.js';
import { libc, Memory } from './libc.js';
import { socketAddress } from './socket-address.js';

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_BINDTODEVICE = 25;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_MTU_DISCOVER = 10;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_JOIN_GROUP = 20;
const IPV6_MTU_DISCOVER = 23;
/** Datagrams may be cut on their way. */
const PMTUDISC_DONT = 0;

/** The longest datagram there is. */
const DATAGRAM_MAX = 65_535;

/** A group, and the interface that it is used on. */
export interface GroupOptions {
  readonly group: InetAddr;
  readonly port: number;
  readonly ifindex: number;
  /** Bytes of the socket's buffer; 0 for what the system gives. */
  readonly bufferSize: number;
}

/** What both have in common: made, given options, closed. */
class GroupSocket {
  readonly fd: number;
  protected readonly v4: boolean;
  readonly #what: string;

  constructor(role: string, { group, port, bufferSize }: GroupOptions, buffer: number) {
    this.v4 = group.family === AF_INET;
    this.#what = `${role} of port ${port}`;
    const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    this.fd = checked(libc.socket(group.family, type, 0), `socket(${this.#what})`);
    if (bufferSize > 0) this.setNumber(SOL_SOCKET, buffer, bufferSize);
  }

  /** Sets an option that is a number, or of the level of the group's family where two are given: IPv4, IPv6. */
  protected setNumber(level: number, name: number, value: number): void {
    this.set(level, name, new Uint8Array(Int32Array.of(value).buffer));
  }

  protected setOwn(name4: number, name6: number, value: number): void {
    if (this.v4) this.setNumber(IPPROTO_IP, name4, value);
    else this.setNumber(IPPROTO_IPV6, name6, value);
  }

  protected set(level: number, name: number, value: Uint8Array): void {
    checked(
      libc.setsockopt(this.fd, level, name, value, value.length),
      `setsockopt(${level}, ${name}, ${this.#what})`,
    );
  }

  close(): void {
    closeFd(this.fd);
  }
}

/** Sends to a group; it does not hear itself. */
export class MulticastSender extends GroupSocket {
  /** @param ttl TTL or hop limit. @throws SYSTEM */
  constructor(options: GroupOptions, ttl: number) {
    super('sender', options, SO_SNDBUF);
    try {
      if (this.v4) this.set(IPPROTO_IP, IP_MULTICAST_IF, requestBytes(undefined, options.ifindex));
      else this.setNumber(IPPROTO_IPV6, IPV6_MULTICAST_IF, options.ifindex);
      this.setOwn(IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, 0);
      this.setOwn(IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, ttl);
      this.setOwn(IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DONT);
      const to = socketAddress(options.group, options.port);
      checked(libc.connect(this.fd, to, to.length), `connect(port ${options.port})`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Sends one datagram. @returns false when the buffer is full; any other failure loses it. */
  send(bytes: Uint8Array): boolean {
    const sent = libc.sendto(this.fd, bytes, bytes.length, 0, 0, 0);
    return sent >= 0 || (lastErrno() !== EAGAIN && lastErrno() !== EINTR);
  }
}

/** Hears a group. */
export class MulticastReceiver extends GroupSocket {
  readonly #memory = new Memory(DATAGRAM_MAX);

  /** @param device name of the interface. @throws SYSTEM */
  constructor(options: GroupOptions, device: string) {
    super('receiver', options, SO_RCVBUF);
    const { group, port, ifindex } = options;
    try {
      this.setNumber(SOL_SOCKET, SO_REUSEADDR, 1);
      this.set(SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${device}\0`));
      const name = socketAddress(group, port);
      checked(libc.bind(this.fd, name, name.length), `bind(port ${port})`);
      if (this.v4) this.set(IPPROTO_IP, IP_ADD_MEMBERSHIP, requestBytes(group, ifindex));
      else this.set(IPPROTO_IPV6, IPV6_JOIN_GROUP, requestBytes6(group, ifindex));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The next datagram, good until the next call; undefined when there is none. */
  receive(): Uint8Array | undefined {
    const n = libc.recv(this.fd, this.#memory.address, DATAGRAM_MAX, 0);
    return n < 0 ? undefined : this.#memory.bytes.subarray(0, n);
  }
}

/** `struct ip_mreqn`. */
function requestBytes(group: InetAddr | undefined, ifindex: number): Uint8Array {
  const bytes = new Uint8Array(12);
  if (group !== undefined) bytes.set(inetBytes(group));
  new Int32Array(bytes.buffer)[2] = ifindex;
  return bytes;
}

/** `struct ipv6_mreq`. */
function requestBytes6(group: InetAddr, ifindex: number): Uint8Array {
  const bytes = new Uint8Array(20);
  bytes.set(inetBytes(group));
  new Int32Array(bytes.buffer)[4] = ifindex;
  return bytes;
}
