/** `struct ip_vs_pe`: a persistence engine adds something of the packet's content to the key of a template. */
import type { Packet } from '../wire/packet.js';
import type { IpHdr } from './iphdr.js';
import { sip } from './pe-sip.js';

/** Registered by name. */
export interface PersistenceEngine {
  readonly name: string;
  /** What of the packet belongs to the key, or undefined when there is none: the packet is then dropped (`fill_param`). */
  fillParam(packet: Packet, iph: IpHdr): Uint8Array | undefined;
  /** Real servers may open connections to clients (`conn_out`). */
  readonly connOut: boolean;
}

/** What a connection's engine has found for it. */
export interface PeData {
  readonly pe: PersistenceEngine;
  readonly data: Uint8Array;
}

/** True when both hold the same bytes. */
export function samePeData(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** All engines: the kernel's only one. */
export const persistenceEngines: readonly PersistenceEngine[] = [sip];
