/**
 * The maps by which the tc program opens connections itself, for services whose scheduler can tell its choices in advance. The engine writes them; it is told of
 * each connection by a record among the reports.
 */
import { be16, bytes, record, u8, u16, u32, u64 } from '../record.js';
import { FLOW } from './flow-maps.js';

/** A virtual service. */
export const SERVICE_KEY = record('service_key', {
  /** An IPv4 one has the first four bytes. */
  address: bytes(16, 8),
  port: be16,
  protocol: u16,
  spare: u32,
});

/** A service whose connections the program opens. */
export const SERVICE = record('service', {
  /** Number of its place in `cursors`. */
  cursor: u32,
  /** Its turns: the number of the first, */
  first: u32,
  /** and how many there are; after the last comes the first again. */
  count: u32,
  /** 1: some of its servers answer by way of the director. */
  answers: u32,
});

/** How many turns of a service have been taken. In memory an element has eight bytes. */
export const CURSOR = record('cursor', { taken: u32 });

/** The scheduler's choice: the flows of a connection that gets it, but for what the client adds. */
export const TURN = record('turn', { request: bytes(FLOW.size, 8), reply: bytes(FLOW.size, 8) });

/** Where a client is: its address, an IPv4 one in the first four bytes. */
export const CLIENT_KEY = record('client_key', { address: bytes(16, 8) });

/** Where many clients are: a key of a trie. The bits of the address that count follow those of the family. */
export const PREFIX_KEY = record('prefix_key', {
  /** Bits that count, the family's 32 included. */
  length: u32,
  /** AF_INET or AF_INET6. */
  family: u32,
  /** An IPv4 one has the first four bytes. */
  address: bytes(16, 8),
});
/** Bits of a family in such a key. */
export const FAMILY_BITS = 32;

/** How a client is reached. */
export const CLIENT = record('client', {
  /** Number of the way; 0 where the engine has to ask. */
  way: u32,
  /** It is good while this is {@link OPENING}'s. */
  generation: u32,
});

/** Whether connections are opened at all. */
export const OPENING = record('opening', {
  /** 1: they are. */
  open: u32,
  /** Grows with each change of routes. */
  generation: u32,
  /** Number of the next one. */
  next: u32,
  spare: u32,
});

/** What `action` of a report is when it is an {@link OPENED}. */
export const ACTION_OPENED = 0xff;

/** The program has opened a connection, and carried its first packet. It begins as a report does. */
export const OPENED = record('opened', {
  /** CLOCK_MONOTONIC, ns, to the tick. */
  time: u64,
  /** Its number, which its flows have for their owner. */
  owner: u32,
  /** {@link ACTION_OPENED} */
  action: u8,
  /** Of TCP: SYN. Of others: ACK. */
  flags: u8,
  clientPort: be16,
  /** Number of its turn, */
  turn: u32,
  /** and how many its service has had before it. */
  taken: u32,
  /** Way of the answers; 0 where there is none. */
  replyWay: u32,
  /** The client's; an IPv4 one has the first four bytes. */
  client: bytes(16, 4),
});

/** Names of the maps in programs. */
export const OPENING_MAPS = {
  services: { name: 'ipvsd_services', type: 'hash', keySize: SERVICE_KEY.size, valueSize: SERVICE.size },
  turns: { name: 'ipvsd_turns', type: 'array', keySize: 4, valueSize: TURN.size },
  clients: { name: 'ipvsd_clients', type: 'lruHash', keySize: CLIENT_KEY.size, valueSize: CLIENT.size },
  prefixes: { name: 'ipvsd_prefixes', type: 'trie', keySize: PREFIX_KEY.size, valueSize: CLIENT.size },
  opening: { name: 'ipvsd_opening', type: 'array', keySize: 4, valueSize: OPENING.size },
} as const;

/** The cursors of services, which the engine has in its memory as well. */
export const CURSORS = { name: 'ipvsd_cursors', valueSize: CURSOR.size } as const;
