/** Generic netlink sockets of a program: made, sent by and, where that is needed, received by. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Director } from '../control/command.js';
import { answerMessage } from '../control/genl/answer.js';
import { EAGAIN, lastErrno } from '../linux/errno.js';
import { closeFd } from '../linux/fd.js';
import { GenericNetlink } from '../linux/generic-netlink.js';
import { libc, stableBytes } from '../linux/libc.js';
import {
  isUserNetlink,
  netlinkAddress,
  openUserNetlink,
  portOf,
  receiveTimeout,
  SOCKADDR_NL,
  UserNetlink,
  wantsCapped,
} from '../linux/user-netlink.js';
import { LITTLE, netlinkMessages } from '../wire/netlink.js';
import type { Call } from './call.js';
import { isGoProgram } from './go-program.js';
import { MessageHeader } from './message-header.js';
import { FD_BASE, FD_END, FD_RECEIVE } from './reserved-fds.js';

const SOCK_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const F_GETFL = 3;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
/** Between two looks for a message that a program waits for, ms. */
const PAUSE = 5;
/** Bytes that are received at once. */
const MOST = 1 << 20;

/** Netlink for the programs of one supervisor. */
export class NetlinkCalls {
  readonly #director: Director;
  readonly #answers = new UserNetlink();
  readonly #kernel = new GenericNetlink();

  constructor(director: Director) {
    this.#director = director;
  }

  /** socket(AF_NETLINK, type, NETLINK_GENERIC): one that behaves alike, under a number that we know again. */
  open(call: Call): void {
    // who may not configure the network has nothing to ask of us
    if (!call.isAdmin) {
      call.goOn();
      return;
    }
    const type = call.int(1);
    const fd = openUserNetlink(type | SOCK_CLOEXEC);
    try {
      const [first, end] = isGoProgram(call.tid) ? [FD_RECEIVE, FD_END] : [FD_BASE, FD_RECEIVE];
      call.giveReserved(fd, (type & SOCK_CLOEXEC) !== 0, first, end);
    } finally {
      closeFd(fd);
    }
  }

  /**
   * sendto, sendmsg and write on the caller's descriptor that is `fd` here. What is sent to the kernel is answered before the call returns.
   * @returns false when the descriptor is none of ours.
   */
  async send(call: Call, fd: number): Promise<boolean> {
    if (!isUserNetlink(fd)) return false;
    const header = MessageHeader.ofCall(call);
    if (!toKernel(call, header)) return false;
    const bytes = header.gather(call);
    const port = portOf(fd);
    const asker = { port, capAck: wantsCapped(fd), admin: call.isAdmin };
    const answers: Uint8Array[] = [];
    for (const message of netlinkMessages(bytes)) {
      const { messages, passOn } = await answerMessage(this.#director, message, asker);
      answers.push(...messages);
      // nobody is to do with our privileges what he could not do with his own
      if (passOn && asker.admin) answers.push(...this.#kernel.exchange(message.bytes, port));
    }
    this.#answers.deliver(fd, port, answers);
    call.succeed(bytes.length);
    return true;
  }

  /**
   * recvfrom and recvmsg, whose sender is told to be the kernel.
   * @returns false when the descriptor is none of ours.
   */
  async receive(call: Call, fd: number): Promise<boolean> {
    if (!isUserNetlink(fd)) return false;
    const header = MessageHeader.ofCall(call);
    const buffer = stableBytes(Math.min(header.length, MOST));
    const flags = header.flags;
    const patient = (flags & MSG_DONTWAIT) === 0 && (libc.fcntl(fd, F_GETFL, 0) & O_NONBLOCK) === 0;
    const end = performance.now() + (patient ? receiveTimeout(fd) : 0);
    for (;;) {
      const n = libc.recv(fd, buffer, buffer.length, flags | MSG_DONTWAIT);
      if (n >= 0) {
        header.scatter(call, buffer.subarray(0, Math.min(n, buffer.length)));
        header.writeSender(call, netlinkAddress(0), n > buffer.length ? MSG_TRUNC : 0);
        call.succeed(n);
        return true;
      }
      const errno = lastErrno();
      if (errno !== EAGAIN || performance.now() >= end || !call.waits) {
        call.fail(errno);
        return true;
      }
      await sleep(PAUSE);
    }
  }
}

/** Whether a message goes to the kernel: it is addressed so, or not at all. */
function toKernel(call: Call, header: MessageHeader): boolean {
  const { name, nameLength } = header;
  if (name === 0 || nameLength === 0) return true;
  if (nameLength < SOCKADDR_NL) return false;
  return call.view(name, SOCKADDR_NL).getUint32(4, LITTLE) === 0;
}
