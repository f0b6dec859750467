/** Registers and stack of the steering program. */
import type { Assembler } from '../assembler.js';
import { register } from '../operand.js';
import { be16, record, u8, u32, u64 } from '../record.js';
import { IPV4, IPV6 } from './headers.js';
import { STEER_KEY } from './steer-map.js';

/** Offset of the transport header in the frame, until the packet's first byte takes the register. */
export const transport = register(7, 'transport');
export const protocol = register(8, 'protocol');
/** Not 0: a fragment. */
export const fragment = register(9, 'fragment');

/** What is read of extension and transport headers. */
export const PEEK = record('peek', { next: u8, length: u8, fragment: be16 });
/** Ports, or (its first byte) the type of an ICMP message. */
export const PORTS = record('ports', { sourcePort: be16, destinationPort: be16 });

/** What is known of a packet that is sent to the engine. */
const LOCALS = record('locals', {
  /** Bytes from the IP header on. */
  length: u64,
  /** Offset of the transport header in the frame, */
  transport: u32,
  /** and of the checksum from there. */
  checksumAt: u32,
  /** `ARRIVAL_CHECKSUMS` */
  checksum: u32,
  /** Number of the flow's slot of detours, */
  index: u32,
  /** and what tells it from others in there. */
  tag: u32,
  /** Number of the only element of its array. */
  state: u32,
  /** To be compared with later. */
  before: u32,
  /** Bytes of the packet. */
  peek: be16,
});

export type Frame = ReturnType<typeof frame>;

/** Lays the stack out. */
export function frame(a: Assembler) {
  return {
    ip4: a.stack(IPV4),
    ip6: a.stack(IPV6),
    peek: a.stack(PEEK),
    /** Zero where there are none. */
    ports: a.stack(PORTS),
    key: a.stack(STEER_KEY),
    locals: a.stack(LOCALS),
  };
}

/** Where to go with packets that are left alone. */
export const LEFT = 'left';
