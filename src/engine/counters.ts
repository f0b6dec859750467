/** What a namespace counts beside traffic, by name. */
import type { NetnsIpvs } from './netns-ipvs.js';

/** Numbers as they are now; those that only grow are counted since the namespace was made. */
export function engineCounters(ipvs: NetnsIpvs): Record<string, number> {
  const { conns, sync } = ipvs;
  return {
    services: ipvs.services.size,
    connections: conns.count,
    connLimit: conns.limit,
    connRefused: ipvs.connRefused,
    defenceDropped: ipvs.dropped,
    destTrash: ipvs.destTrash.size,
    syncMessagesSent: sync.sent,
    syncBytesSent: sync.sentBytes,
    syncMessagesDiscarded: sync.discarded,
    syncMessagesQueued: ipvs.ms?.reduce((sum, { queue }) => sum + queue.length, 0) ?? 0,
    syncMessagesReceived: sync.received,
    syncMessagesMalformed: sync.malformed,
  };
}
