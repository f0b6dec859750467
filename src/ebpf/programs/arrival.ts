/** First packets of connections, which the steering program hands to the engine in a ring buffer: the way through the TUN device is a longer one. */
import { record, u8, u16, u32 } from '../record.js';

/** What is known of a packet's transport checksum. */
export const ARRIVAL_CHECKSUMS = {
  /** It is in the packet, and nobody has looked at it. */
  unverified: 0,
  /** Somebody trustworthy has. */
  right: 1,
  /** It is still to be completed: its field has the sum of the pseudo header. */
  partial: 2,
} as const;

/** What stands before each packet in the ring buffer; the IP header follows. */
export const ARRIVAL = record('arrival', {
  /** Bytes from the IP header on, the padding of a short frame included. */
  length: u16,
  /** Of these, bytes before the transport header, */
  transport: u16,
  /** and from there to the checksum. */
  checksumAt: u16,
  /** {@link ARRIVAL_CHECKSUMS} */
  checksum: u16,
});

/**
 * Room for packets in the ring buffer, bytes from the IP header on: a program has to say beforehand how much it wants, in numbers that do not depend on the packet.
 * What is longer takes the TUN device. The first is enough for a SYN and for questions, the second for what Ethernet carries.
 */
export const ARRIVAL_ROOMS = [152, 1512] as const;

/** The ring buffer. */
export const ARRIVALS = { name: 'ipvsd_arrivals', size: 1 << 20 } as const;

/** What the engine tells the program; the program clears it. */
export const ARRIVAL_STATE = record('arrival_state', {
  /** 1: the engine sleeps, and is to be woken. */
  sleeping: u32,
  spare: u8,
});

/** The last flow of a slot of which a packet took the TUN device. Written as one word of eight bytes. */
export const DETOUR = record('detour', {
  /** CLOCK_MONOTONIC in units of 2^{@link DETOUR_TIME_SHIFT} ns; 32 bits. */
  time: u32,
  /** 32 other bits of the hash that gave the slot: of another flow in the same one they differ. */
  tag: u32,
});
export const DETOUR_TIME_SHIFT = 20;
/** 2^n slots, by a hash of addresses and ports. */
export const DETOUR_BITS = 14;

/** Names of the other maps in the program. */
export const ARRIVAL_MAPS = {
  arrivalState: {
    name: 'ipvsd_arrival',
    type: 'array',
    keySize: 4,
    valueSize: ARRIVAL_STATE.size,
    maxEntries: 1,
  },
  detours: {
    name: 'ipvsd_detours',
    type: 'array',
    keySize: 4,
    valueSize: DETOUR.size,
    maxEntries: 1 << DETOUR_BITS,
  },
} as const;
