/** Addresses of internet sockets as system calls take them. */
import { AF_INET, type InetAddr, inetBytes } from '../wire/inet.js';

/** Bytes of `struct sockaddr_in6`; `struct sockaddr_in` is shorter. */
export const SOCKADDR_IN6 = 28;
const SOCKADDR_IN = 16;

/** `struct sockaddr_in` or `struct sockaddr_in6`. */
export function socketAddress(address: InetAddr, port: number): Uint8Array {
  const v4 = address.family === AF_INET;
  const bytes = new Uint8Array(v4 ? SOCKADDR_IN : SOCKADDR_IN6);
  const view = new DataView(bytes.buffer);
  new Uint16Array(bytes.buffer)[0] = address.family;
  view.setUint16(2, port);
  bytes.set(inetBytes(address), v4 ? 4 : 8);
  return bytes;
}
