/** The registered protocols (`ip_vs_proto_table`). */
import { protocolAh, protocolEsp } from './proto-ah-esp.js';
import { protocolSctp } from './proto-sctp.js';
import { protocolTcp } from './proto-tcp.js';
import { protocolUdp } from './proto-udp.js';
import type { Protocol } from './protocol.js';

export const protocols: readonly Protocol[] = [
  protocolTcp,
  protocolUdp,
  protocolSctp,
  protocolAh,
  protocolEsp,
];
