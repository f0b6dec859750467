/** Why a packet ends as it does: read off what the engine did in a dry run. Where that leaves more than one answer none of them is given. */
import { conntrackOn } from '../conntrack.js';
import type { NetnsIpvs } from '../netns-ipvs.js';
import { SYNC_STATE_BACKUP } from '../sync/daemon.js';
import { NF_ACCEPT, NF_DROP, NF_INET_FORWARD } from '../verdict.js';
import type { ExplainStep, Outcome, PacketView, SentIcmp, SentPacket } from './explanation.js';

/** What is known at the end of a dry run. */
export interface Ending {
  /** Undefined when it was left before its end. */
  readonly verdict: number | undefined;
  readonly ipvs: NetnsIpvs;
  /** The packet as it came; undefined when it is no IP packet. */
  readonly view: PacketView | undefined;
  readonly hook: number;
  /** The engine has marked the packet as its own. */
  readonly taken: boolean;
  readonly steps: readonly ExplainStep[];
  readonly sent: readonly SentPacket[];
  readonly icmp: readonly SentIcmp[];
  /** The packet is a server's reply of a known connection. */
  readonly reply: boolean;
  /** The server of the connection that was found has been removed. */
  readonly gone: boolean;
}

/** The reason for the packet's end. */
export function outcomeOf(end: Ending): Outcome {
  const { verdict, steps, sent, view, ipvs } = end;
  if (verdict === undefined) return 'undecided';
  if (view === undefined) return 'not-ip';
  if (end.reply && sent.length > 0) return 'reply';
  if (sent.length > 0) return 'sent';
  if (verdict === NF_ACCEPT) return accepted(end, view);
  const last = (step: ExplainStep['step']) => steps.findLast((s) => s.step === step);
  const drop = last('drop-packet');
  if (drop?.step === 'drop-packet' && drop.dropped) return 'drop-packet';
  if (last('connection-refused') !== undefined) return 'table-full';
  const choice = last('scheduler');
  const made = last('connection-made') !== undefined;
  if (choice?.step === 'scheduler' && choice.chosen === null) return 'no-server';
  if (verdict === NF_DROP && !made) {
    const found = steps.some((s) => s.step === 'connection-lookup' && s.found === 'request');
    if (found) return end.gone && ipvs.sysctls.values.expire_nodest_conn === 0 ? 'server-removed' : 'dropped';
    const svc = steps.findLast((s) => s.step === 'service-lookup' && s.found);
    if (svc?.step === 'service-lookup') {
      if (svc.scheduler === 'none') return 'no-server';
      if (!svc.persistent && svc.by !== 'fwmark' && svc.by !== 'port') return 'port-not-served';
      return svc.persistent === true && end.icmp.length === 0 ? 'no-persistence-data' : 'dropped';
    }
    const server = last('server-lookup');
    if (server?.step === 'server-lookup' && server.found && end.icmp.length > 0) return 'orphan';
    return 'dropped';
  }
  // connection tracking may have dropped it as well
  const tracked = conntrackOn(ipvs, ipvs.iph.family);
  return (made && !tracked) || end.icmp.length > 0 ? 'not-routed' : 'dropped';
}

function accepted({ ipvs, view: _view, hook, taken, steps, reply }: Ending, view: PacketView): Outcome {
  if (taken && steps.some(isOfConnection)) return reply ? 'reply' : 'local';
  const { family, protocol } = ipvs.iph;
  if (!ipvs.hooked(family)) return 'no-service-of-family';
  if (view.icmpType !== undefined) return 'icmp';
  if (ipvs.protoData[protocol] === undefined) return 'protocol-not-balanced';
  if (hook === NF_INET_FORWARD) return 'passing';
  if (ipvs.sysctls.values.backup_only !== 0 && (ipvs.syncState & SYNC_STATE_BACKUP) !== 0)
    return 'backup-only';
  const services = steps.filter((s) => s.step === 'service-lookup');
  if (services.some((s) => s.step === 'service-lookup' && s.found)) return 'accepted';
  return services.length > 0 ? 'no-service' : 'opens-nothing';
}

function isOfConnection(step: ExplainStep): boolean {
  return step.step === 'connection-made' || (step.step === 'connection-lookup' && step.found !== 'none');
}
