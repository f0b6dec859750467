/** UDP (`ip_vs_proto_udp.c`). */
import type { Packet } from '../wire/packet.js';
import { UDP_CHECKSUM, UDP_HEADER } from '../wire/udp.js';
import { bindPortApp, registerPortApp, unregisterPortApp } from './app.js';
import { connSetTimeout, controlAssureCt } from './conn.js';
import { C_FLAGS, HOT_SHIFT } from './conn-table.js';
import { portsText } from './debug.js';
import { CONN_F_APP, IPPROTO_UDP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import { natTransport, transportChecksumOk } from './nat-checksum.js';
import { showDatagram } from './nat-helped.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { connInGetProto, connOutGetProto } from './proto-ports.js';
import { DIR_OUTPUT, type Protocol, type ProtoData } from './protocol.js';
import { scheduleWithPorts } from './schedule.js';
import { stateTimeout } from './state-timeouts.js';
import { NF_DROP } from './verdict.js';

const UDP_TIMEOUT = 300;

/** UDP: one state, and 0 in the checksum field means that there is none. */
export const protocolUdp: Protocol = {
  name: 'UDP',
  protocol: IPPROTO_UDP,
  numStates: 1,
  dontDefrag: false,

  initNetns(ipvs: NetnsIpvs, pd: ProtoData): void {
    pd.timeoutTable = Int32Array.of(UDP_TIMEOUT * ipvs.net.hz, 2 * ipvs.net.hz);
  },

  connSchedule(ipvs: NetnsIpvs, packet: Packet, pd: ProtoData, iph: IpHdr): number {
    if (iph.len + (iph.icmp ? 4 : UDP_HEADER) > packet.len) return NF_DROP;
    return scheduleWithPorts(ipvs, packet, pd, iph, true);
  },

  connInGet: connInGetProto,
  connOutGet: connOutGetProto,

  snatHandler(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean {
    if (iph.fragoffs !== 0) return true;
    if (iph.len + UDP_HEADER > packet.len) return false;
    packet.pull(iph.len + UDP_HEADER);
    if ((ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_APP) !== 0) {
      if (!showDatagram(ipvs, packet, c, iph, true, protocolUdp.csumCheck)) return false;
    }
    const at = packet.data + iph.len;
    natTransport(ipvs.conns, packet, c, iph, true, at, at + UDP_CHECKSUM, true);
    return true;
  },

  dnatHandler(ipvs: NetnsIpvs, packet: Packet, c: number, iph: IpHdr): boolean {
    if (iph.fragoffs !== 0) return true;
    if (iph.len + UDP_HEADER > packet.len) return false;
    packet.pull(iph.len + UDP_HEADER);
    if ((ipvs.conns.hot[(c << HOT_SHIFT) + C_FLAGS]! & CONN_F_APP) !== 0) {
      if (!showDatagram(ipvs, packet, c, iph, false, protocolUdp.csumCheck)) return false;
    }
    const at = packet.data + iph.len;
    natTransport(ipvs.conns, packet, c, iph, false, at + 2, at + UDP_CHECKSUM, true);
    return true;
  },

  csumCheck(packet: Packet, iph: IpHdr): boolean {
    if (iph.len + UDP_HEADER > packet.len) return false;
    return (
      packet.view.getUint16(packet.data + iph.len + UDP_CHECKSUM) === 0 || transportChecksumOk(packet, iph)
    );
  },

  stateName(state: number): string {
    return state === 0 ? 'UDP' : 'BUG!';
  },

  debugPacket: portsText,

  stateTransition(ipvs: NetnsIpvs, c: number, direction: number, _packet: Packet, pd: ProtoData): void {
    connSetTimeout(ipvs, c, stateTimeout(ipvs, pd, c, 0));
    if (direction === DIR_OUTPUT) controlAssureCt(ipvs, c);
  },

  registerApp: registerPortApp,
  unregisterApp: unregisterPortApp,
  appConnBind: bindPortApp,

  timeoutChange(): void {},
};
