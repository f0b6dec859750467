/** Which clients are reached like one that is known: all of the prefix that its route is for, but for those that other routes are for. */
import { type KernelRoute, RTN_UNICAST } from '../../linux/rt-route.js';
import { type InetAddr, inetToString } from '../../wire/inet.js';

/** Addresses that begin with the same bits. */
export interface Prefix {
  readonly address: InetAddr;
  /** Bits. */
  readonly length: number;
}

/** A prefix without some of its parts. */
export interface Surroundings {
  readonly prefix: Prefix;
  readonly holes: readonly Prefix[];
}

/** A table with more routes than these is none in which to look for prefixes. */
const ROUTES = 4096;

/**
 * The prefix around a client that is reached by a gateway.
 * @param routes all that a packet to the client could take, of its family: the local table's and the main one's.
 * @returns undefined where others of the prefix may be reached in another way, or nobody can tell.
 */
export function surroundings(routes: readonly KernelRoute[], client: InetAddr): Surroundings | undefined {
  if (routes.length > ROUTES) return undefined;
  const around = routes.filter(({ destination, prefixLength }) =>
    contains(destination, prefixLength, client),
  );
  const length = Math.max(...around.map(({ prefixLength }) => prefixLength));
  const best = around.filter(({ prefixLength }) => prefixLength === length);
  // of several that are alike the kernel takes one or the other, by more than the address
  const [route] = best;
  if (best.length !== 1 || route!.type !== RTN_UNICAST || route!.gateway === undefined) return undefined;
  const { destination } = route!;
  const holes = new Map<string, Prefix>();
  for (const { destination: address, prefixLength } of routes) {
    if (prefixLength > length && contains(destination, length, address))
      holes.set(`${inetToString(address)}/${prefixLength}`, { address, length: prefixLength });
  }
  return { prefix: { address: destination, length }, holes: [...holes.values()] };
}

/** The address begins with the first `length` bits of another. */
export function contains({ family, words }: InetAddr, length: number, address: InetAddr): boolean {
  if (address.family !== family) return false;
  for (let i = 0; 32 * i < length; i++) {
    const bits = Math.min(32, length - 32 * i);
    if ((words[i]! ^ address.words[i]!) >>> (32 - bits) !== 0) return false;
  }
  return true;
}
