/** Netlink sockets (netlink(7)). Their messages are `../wire/netlink.js`. */
import {
  LITTLE,
  type NetlinkMessage,
  type NetlinkWriter,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  netlinkMessages,
} from '../wire/netlink.js';
import { checked, EAGAIN, ENOBUFS, lastErrno, SystemError, systemError } from './errno.js';
import { closeFd } from './fd.js';
import { libc } from './libc.js';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_GET_STRICT_CHK = 12;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40;

/** Messages sent at once, whose acknowledgements fit the socket's buffer. */
const CHUNK = 128;

/** A netlink socket: requests answered at once, or notifications of groups. */
export class NetlinkSocket {
  readonly fd: number;
  readonly #buffer = new Uint8Array(256 * 1024);
  #sequence = 0;

  /** @param family netlink family, e.g. 0 for rtnetlink. @param groups multicast groups to join (RTNLGRP_* numbers). */
  constructor(family: number, groups: readonly number[] = []) {
    this.fd = checked(libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family), 'socket(AF_NETLINK)');
    // struct sockaddr_nl without a port: the kernel chooses one. Unbound, the socket would miss what the kernel itself notifies of
    const address = new Uint8Array(12);
    new Uint16Array(address.buffer)[0] = AF_NETLINK;
    checked(libc.bind(this.fd, address, address.length), 'bind(AF_NETLINK)');
    this.#option(SOL_SOCKET, SO_RCVBUF, 1 << 20);
    // lets dumps be narrowed by the kernel; kernels before 4.20 dump all, which is only slower
    this.#option(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    for (const group of groups) {
      if (!this.#option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group))
        throw systemError('setsockopt(NETLINK_ADD_MEMBERSHIP)');
    }
  }

  /**
   * Sends a request and collects what it is answered, up to the acknowledgement or the end of the dump. A dump that changed while it was
   * read is asked for again.
   * @param call names the request in an error.
   * @throws SystemError with the kernel's errno.
   */
  request(message: NetlinkWriter, call: string): NetlinkMessage[] {
    for (let attempt = 0; ; attempt++) {
      const { answers, interrupted } = this.#exchange(message, call);
      if (!interrupted || attempt === 5) return answers;
    }
  }

  /**
   * Sends requests that are only acknowledged, many with one system call. Each is carried out whatever becomes of the others.
   * @returns the error of each, 0 for none.
   */
  requestAll(messages: readonly NetlinkWriter[], call: string): number[] {
    const errors: number[] = [];
    for (let i = 0; i < messages.length; i += CHUNK) {
      errors.push(...this.#exchangeAll(messages.slice(i, i + CHUNK), call));
    }
    return errors;
  }

  /**
   * Notifications that have come in; never waits.
   * @returns `lost` when the kernel had to leave some out: everything must then be read anew.
   */
  notifications(): { messages: NetlinkMessage[]; lost: boolean } {
    const messages: NetlinkMessage[] = [];
    let lost = false;
    for (;;) {
      const n = libc.recv(this.fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
      if (n < 0) {
        const errno = lastErrno();
        if (errno === EAGAIN) return { messages, lost };
        if (errno !== ENOBUFS) throw new SystemError('recv(AF_NETLINK)', errno);
        lost = true;
        continue;
      }
      for (const { type, view } of netlinkMessages(this.#buffer.slice(0, n))) messages.push({ type, view });
    }
  }

  close(): void {
    closeFd(this.fd);
  }

  #exchange(message: NetlinkWriter, call: string): { answers: NetlinkMessage[]; interrupted: boolean } {
    const sequence = ++this.#sequence;
    const bytes = message.finish(sequence);
    checked(libc.sendto(this.fd, bytes, bytes.length, 0, 0, 0), call);
    const answers: NetlinkMessage[] = [];
    let interrupted = false;
    for (;;) {
      const n = checked(libc.recv(this.fd, this.#buffer, this.#buffer.length, 0), `recv(${call})`);
      for (const m of netlinkMessages(this.#buffer.slice(0, n))) {
        // an answer to an earlier request that failed half-way
        if (m.sequence !== sequence) continue;
        if ((m.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
        if (m.type === NLMSG_DONE) return { answers, interrupted };
        if (m.type !== NLMSG_ERROR) {
          answers.push({ type: m.type, view: m.view });
          continue;
        }
        const errno = -m.view.getInt32(0, LITTLE);
        if (errno !== 0) throw new SystemError(call, errno);
        return { answers, interrupted };
      }
    }
  }

  #exchangeAll(messages: readonly NetlinkWriter[], call: string): number[] {
    const first = this.#sequence + 1;
    const packed = Buffer.concat(messages.map((message) => message.finish(++this.#sequence)));
    checked(libc.sendto(this.fd, packed, packed.length, 0, 0, 0), call);
    const errors = new Array<number>(messages.length).fill(0);
    for (let left = messages.length; left > 0; ) {
      const n = checked(libc.recv(this.fd, this.#buffer, this.#buffer.length, 0), `recv(${call})`);
      for (const { type, sequence, view } of netlinkMessages(this.#buffer.slice(0, n))) {
        if (sequence < first || type !== NLMSG_ERROR) continue;
        errors[sequence - first] = -view.getInt32(0, LITTLE);
        left--;
      }
    }
    return errors;
  }

  #option(level: number, name: number, value: number): boolean {
    return libc.setsockopt(this.fd, level, name, Int32Array.of(value), 4) === 0;
  }
}
