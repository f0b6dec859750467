/**
 * The order of listings. ipvsadm compares 32-bit numbers by subtraction, which overflows when they are 2^31 or more apart, so that its
 * order has circles; what comes out of those is decided by the order of comparisons, here that of glibc's qsort().
 */
import type { DestKey, ServiceKey } from '../../control/command.js';
import { AF_INET6, type InetAddr, parseInet } from '../../wire/inet.js';

type Compare<T> = (a: T, b: T) => number;

/** Services in listing order: by mark, family, protocol, address and port. */
export function sortServices<T extends ServiceKey>(services: readonly T[]): T[] {
  return sortBy(services, serviceOrder, (a, b) => {
    const early = (a.fwmark - b.fwmark) | 0 || a.addr.family - b.addr.family || a.protocol - b.protocol;
    return early || compareWords(a.addr, b.addr) || a.port - b.port;
  });
}

/** Real servers in listing order: by address and port. */
export function sortDests<T extends DestKey>(dests: readonly T[]): T[] {
  const order = ({ address, port }: DestKey) => ({ addr: parseInet(address)!, port });
  return sortBy(dests, order, (a, b) => compareWords(a.addr, b.addr) || a.port - b.port);
}

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
const ANY = { inet: '0.0.0.0', inet6: '::' } as const;

function serviceOrder(key: ServiceKey) {
  return 'fwmark' in key
    ? { fwmark: key.fwmark, addr: parseInet(ANY[key.family])!, protocol: 0, port: 0 }
    : { fwmark: 0, addr: parseInet(key.address)!, protocol: PROTOCOLS[key.protocol], port: key.port };
}

/** The family of `a` decides how much of both is compared. */
function compareWords(a: InetAddr, b: InetAddr): number {
  const length = a.family === AF_INET6 ? 4 : 1;
  for (let i = 0; i < length; i++) {
    const difference = (a.words[i]! - b.words[i]!) | 0;
    if (difference !== 0) return difference;
  }
  return 0;
}

function sortBy<T, O>(items: readonly T[], order: (item: T) => O, compare: Compare<O>): T[] {
  const decorated = items.map((item) => ({ item, order: order(item) }));
  return mergeSort(decorated, (a, b) => compare(a.order, b.order)).map(({ item }) => item);
}

/** Top-down merge sort, the shorter half first: with an order that has circles the result depends on this. */
export function mergeSort<T>(items: readonly T[], compare: Compare<T>): T[] {
  if (items.length <= 1) return [...items];
  const middle = items.length >> 1;
  const left = mergeSort(items.slice(0, middle), compare);
  const right = mergeSort(items.slice(middle), compare);
  const merged: T[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    merged.push(compare(left[l]!, right[r]!) <= 0 ? left[l++]! : right[r++]!);
  }
  return [...merged, ...left.slice(l), ...right.slice(r)];
}
