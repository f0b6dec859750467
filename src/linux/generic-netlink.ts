/** The kernel's own generic netlink families: messages of others, sent on and answered. */
import { LITTLE, netlinkMessages } from '../wire/netlink.js';
import { checked, EAGAIN, lastErrno, systemError } from './errno.js';
import { closeFd } from './fd.js';
import { libc, stableBytes } from './libc.js';
import { netlinkAddress } from './user-netlink.js';

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0o2000003;
const NETLINK_GENERIC = 16;
const MSG_DONTWAIT = 0x40;
/** Offset of the port in a message. */
const PORT = 12;

/** A socket whose requests are answered before they are sent off, as the kernel's families nearly all do. */
export class GenericNetlink {
  readonly #fd = checked(
    libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_GENERIC),
    'socket(NETLINK_GENERIC)',
  );
  readonly #buffer = stableBytes(1 << 16);

  /** Sends a message. @returns what the kernel answers, addressed to `port`. */
  exchange(message: Uint8Array, port: number): Uint8Array[] {
    const kernel = netlinkAddress(0);
    checked(
      libc.sendto(this.#fd, message, message.length, 0, kernel, kernel.length),
      'sendto(NETLINK_GENERIC)',
    );
    const answers: Uint8Array[] = [];
    for (;;) {
      const n = libc.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
      if (n < 0) {
        if (lastErrno() === EAGAIN) return answers;
        throw systemError('recv(NETLINK_GENERIC)');
      }
      for (const { bytes } of netlinkMessages(this.#buffer.slice(0, n))) {
        new DataView(bytes.buffer, bytes.byteOffset).setUint32(PORT, port, LITTLE);
        answers.push(bytes);
      }
    }
  }

  close(): void {
    closeFd(this.#fd);
  }
}
