/** The map of what a virtual service concerns: the steering program sends such packets into the TUN device. */
import { be16, bytes, record, u8, u32 } from '../record.js';

/** How a packet is looked up. */
export const STEER_SIDES = {
  /** By what it is sent to: a virtual service. */
  to: 0,
  /** By what it comes from: a NAT real server. */
  from: 1,
  /** Likewise for fragments, which have no ports. */
  fragmentTo: 2,
  fragmentFrom: 3,
  /** ICMP errors to an address; those to any, where the address is zero. */
  error: 4,
} as const;
export type SteerSide = keyof typeof STEER_SIDES;

/** Port 0 stands for all ports, and for protocols without ports. */
export const STEER_KEY = record('steer', {
  /** An IPv4 address has the first four bytes. */
  address: bytes(16, 4),
  port: be16,
  protocol: u8,
  /** {@link STEER_SIDES} */
  side: u8,
});

/** What is there is steered, whatever the value. */
export const STEER_VALUE = record('steered', { spare: u32 });

/** The map, by its name in the program. */
export const STEER_MAP = {
  name: 'ipvsd_steer',
  type: 'hash',
  keySize: STEER_KEY.size,
  valueSize: STEER_VALUE.size,
} as const;
