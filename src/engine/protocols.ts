/** The registered protocols (`ip_vs_proto_table`). */
import type { Protocol } from './protocol.js';
import { protocolTcp } from './proto-tcp.js';
import { protocolUdp } from './proto-udp.js';

export const protocols: readonly Protocol[] = [protocolTcp, protocolUdp];
