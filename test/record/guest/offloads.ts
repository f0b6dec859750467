/** Switching off what a network interface does on its own. */

import { checked } from '../../../src/linux/errno.js';
import { closeFd } from '../../../src/linux/fd.js';
import { AF_INET } from '../../../src/wire/inet.js';
import { addressOf, libc, stableBytes } from './libc.js';

const SOCK_DGRAM = 2;
const SIOCETHTOOL = 0x8946;
/** `ETHTOOL_SRXCSUM`, `_STXCSUM`, `_SSG`, `_STSO`, `_SUFO`, `_SGSO`, `_SGRO`. */
const SETTINGS = [0x15, 0x17, 0x19, 0x1f, 0x22, 0x24, 0x2c];

/** Turns every offload of an interface off, so that what it emits has all its checksums. Some cannot be: no harm. */
export function disableOffloads(device: string): void {
  const fd = checked(libc.socket(AF_INET, SOCK_DGRAM, 0), 'socket');
  // struct ifreq: the name, then a pointer to struct ethtool_value { u32 cmd; u32 data; }
  const request = stableBytes(40);
  request.set(new TextEncoder().encode(device));
  const value = new Uint32Array(new ArrayBuffer(8));
  new DataView(request.buffer).setBigUint64(16, addressOf(new Uint8Array(value.buffer)), true);
  for (const command of SETTINGS) {
    value[0] = command;
    libc.ioctl(fd, SIOCETHTOOL, request);
  }
  closeFd(fd);
}
