/** A packet for a service that has no dest for it (`ip_vs_leave`). */
import {
  ICMP_DEST_UNREACH,
  ICMP_PORT_UNREACH,
  ICMPV6_DEST_UNREACH,
  ICMPV6_PORT_UNREACH,
} from '../wire/icmp.js';
import { AF_INET, AF_INET6 } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';
import { connNew, connPut } from './conn.js';
import { C_INPKTS, HOT_SHIFT, NO_CONN } from './conn-table.js';
import { CONN_F_BYPASS, CONN_F_ONE_PACKET, IPPROTO_UDP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { readPorts } from './proto-ports.js';
import { DIR_INPUT, type ProtoData } from './protocol.js';
import { FTP_PORT, fillKey } from './schedule.js';
import type { Service } from './service.js';
import { inStats } from './traffic.js';
import { NF_ACCEPT, NF_DROP } from './verdict.js';
import { packetXmit } from './xmit.js';

const NOWHERE = new Int32Array(4);

/** Bypasses, lets pass, or answers "port unreachable"; the verdict. */
export function leave(ipvs: NetnsIpvs, svc: Service, packet: Packet, pd: ProtoData, iph: IpHdr): number {
  const ports = readPorts(packet, iph);
  if (ports < 0) return NF_DROP;
  if (
    ipvs.sysctls.values.cache_bypass !== 0 &&
    svc.fwmark !== 0 &&
    !iph.inverse &&
    !iph.icmp &&
    isUnicast(ipvs, iph)
  ) {
    return bypass(ipvs, svc, packet, pd, iph, ports);
  }
  // FTP's data ports fall to the service on port 21, and with them whatever else is on that address
  const dport = iph.inverse ? ports >>> 16 : ports & 0xffff;
  if (svc.port === FTP_PORT && dport !== FTP_PORT) return NF_ACCEPT;
  if (iph.icmp) return NF_DROP;
  if (iph.family === AF_INET) ipvs.net.host.icmpSend(packet, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
  else ipvs.net.host.icmpSend(packet, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
  return NF_DROP;
}

function bypass(
  ipvs: NetnsIpvs,
  svc: Service,
  packet: Packet,
  pd: ProtoData,
  iph: IpHdr,
  ports: number,
): number {
  const flags = CONN_F_BYPASS | (svc.onePacket && iph.protocol === IPPROTO_UDP ? CONN_F_ONE_PACKET : 0);
  fillKey(ipvs.key, iph, ports);
  const c = connNew(ipvs, ipvs.key, iph.family, NOWHERE, 0, flags, null, packet.mark);
  if (c === NO_CONN) return NF_DROP;
  inStats(ipvs, c, packet.len);
  pd.pp.stateTransition(ipvs, c, DIR_INPUT, packet, pd);
  const verdict = packetXmit(ipvs, packet, c, pd.pp, iph);
  ipvs.conns.hot[(c << HOT_SHIFT) + C_INPKTS]!++;
  connPut(ipvs, c);
  return verdict;
}

function isUnicast(ipvs: NetnsIpvs, iph: IpHdr): boolean {
  const type = ipvs.net.host.addrType({ family: iph.family, words: iph.daddr });
  // of an IPv6 address the kernel only asks what it looks like: one of this host's own is unicast, too
  return type === 'unicast' || type === 'linklocal' || (type === 'local' && iph.family === AF_INET6);
}
