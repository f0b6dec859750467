/** `struct sockaddr_in` and `struct sockaddr_in6`. */

import {
  AF_INET,
  AF_INET6,
  inetBytes,
  inetFromBytes,
  inetToString,
  parseInet,
} from '../../../src/wire/inet.js';

/** Bytes that hold either. */
export const SOCKADDR = 28;

/** Where a datagram came from or goes. */
export interface Endpoint {
  addr: string;
  port: number;
}

/** The structure for an address in text form. */
export function toSockaddr({ addr, port }: Endpoint): Uint8Array {
  const parsed = parseInet(addr);
  if (!parsed) throw new Error(`no IP address: ${addr}`);
  const bytes = new Uint8Array(parsed.family === AF_INET ? 16 : SOCKADDR);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, parsed.family, true);
  view.setUint16(2, port);
  bytes.set(inetBytes(parsed), parsed.family === AF_INET ? 4 : 8);
  return bytes;
}

/** The address in a structure that the kernel filled in. */
export function fromSockaddr(bytes: Uint8Array): Endpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const family = view.getUint16(0, true) === AF_INET ? AF_INET : AF_INET6;
  return {
    addr: inetToString(inetFromBytes(family, bytes, family === AF_INET ? 4 : 8)),
    port: view.getUint16(2),
  };
}
