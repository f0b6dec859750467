/** What the steering program looks packets up by: addresses, ports and protocols, one by one. */
import type { SteerSide } from '../../ebpf/programs/steer-map.js';
import { type InetAddr, inetToString } from '../../wire/inet.js';

/** One entry of the program's map. */
export interface Place {
  readonly side: SteerSide;
  /** Undefined for any. */
  readonly address: InetAddr | undefined;
  /** 0 for any, and where there are none. */
  readonly protocol: number;
  readonly port: number;
}

/** A text that is equal for equal places. */
export function placeKey({ side, address, protocol, port }: Place): string {
  // joined, it takes the room of its letters alone
  return [side, address === undefined ? '' : inetToString(address), protocol, port].join(' ');
}

/** Where the packets of a virtual service come in. @param port 0 for all. */
export function servicePlaces(address: InetAddr, protocol: number, port: number): Place[] {
  return [
    { side: 'to', address, protocol, port },
    { side: 'fragmentTo', address, protocol, port: 0 },
    { side: 'error', address, protocol: 0, port: 0 },
  ];
}

/** Where a NAT real server's answers come in, and errors about what was translated. @param port 0 for all. */
export function answerPlaces(address: InetAddr, protocol: number, port: number): Place[] {
  return [
    { side: 'from', address, protocol, port },
    { side: 'fragmentFrom', address, protocol, port: 0 },
    ANY_ERROR,
  ];
}

/** Errors that pass by, or come to the director itself. */
export const ANY_ERROR: Place = { side: 'error', address: undefined, protocol: 0, port: 0 };
