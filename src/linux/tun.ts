/** TUN devices: layer-3 interfaces whose far end is a file descriptor (Documentation/networking/tuntap.rst). */
import { checked, EAGAIN, EBUSY, lastErrno, SystemError } from './errno.js';
import { closeFd, O_NONBLOCK, O_RDWR, openFd } from './fd.js';
import { libc } from './libc.js';
import { TUN_VNET_HEADER } from './vnet-header.js';

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;

const IFF_TUN = 0x0001;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;

const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;

/** Settings of a TUN device. */
export interface TunOptions {
  /** Checksum and TCP segmentation offload: packets come unfinished and large, with a virtio-net header (default true). */
  readonly offload?: boolean;
  /** Lets the device be opened more than once, each descriptor being a queue (default false). */
  readonly multiQueue?: boolean;
}

/**
 * A TUN device of this thread's network namespace. It, its addresses and its routes go with the last descriptor, unless it is made persistent.
 * With offload each packet has {@link TUN_VNET_HEADER} bytes of virtio-net header before it.
 */
export class TunDevice {
  readonly name: string;
  readonly fd: number;

  /**
   * @param name at most 15 bytes.
   * @throws SystemError with number EBUSY when the device is open already.
   */
  constructor(name: string, { offload = true, multiQueue = false }: TunOptions = {}) {
    this.name = name;
    this.fd = openFd('/dev/net/tun', O_RDWR | O_NONBLOCK);
    try {
      // struct ifreq: the name, then the flags
      const ifreq = new Uint8Array(40);
      ifreq.set(new TextEncoder().encode(name).subarray(0, 15));
      const flags = IFF_TUN | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0) | (multiQueue ? IFF_MULTI_QUEUE : 0);
      new Uint16Array(ifreq.buffer)[8] = flags;
      checked(libc.ioctl(this.fd, TUNSETIFF, ifreq), `ioctl(TUNSETIFF, ${name})`);
      if (offload) {
        const size = Int32Array.of(TUN_VNET_HEADER);
        checked(libc.ioctl(this.fd, TUNSETVNETHDRSZ, size), `ioctl(TUNSETVNETHDRSZ, ${name})`);
        // the flags are the argument itself, not what it points to
        const offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
        checked(libc.ioctl(this.fd, TUNSETOFFLOAD, offloads), `ioctl(TUNSETOFFLOAD, ${name})`);
      }
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Reads one packet to `address`. @returns its bytes, virtio-net header included; -1 when there is none. */
  read(address: number, capacity: number): number {
    const n = libc.read(this.fd, address, capacity);
    if (n >= 0) return n;
    const errno = lastErrno();
    if (errno === EAGAIN) return -1;
    throw new SystemError(`read(${this.name})`, errno);
  }

  /** Writes one packet. @returns false when the kernel refused it (malformed, or the interface is down). */
  write(address: number, length: number): boolean {
    return libc.write(this.fd, address, length) === length;
  }

  /**
   * Makes the device live on without a descriptor, or no longer. While nobody has it open what is sent to it is dropped without a word.
   * @throws SYSTEM
   */
  persist(on: boolean): void {
    // the value is the argument itself
    checked(libc.ioctl(this.fd, TUNSETPERSIST, on ? 1 : 0), `ioctl(TUNSETPERSIST, ${this.name})`);
  }

  close(): void {
    closeFd(this.fd);
  }
}

/** True when `error` says that the TUN device is open already, by this process or another. */
export function isTunBusy(error: unknown): boolean {
  return error instanceof SystemError && error.number === EBUSY;
}
