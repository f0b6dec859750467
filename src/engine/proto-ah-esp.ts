/** AH and ESP (`ip_vs_proto_ah_esp.c`): no connections of their own; they follow the UDP/500 connection of their key exchange. */
import { AF_INET } from '../wire/inet.js';
import type { Packet } from '../wire/packet.js';
import { NO_CONN } from './conn-table.js';
import { addressesText } from './debug.js';
import { IPPROTO_AH, IPPROTO_ESP, IPPROTO_UDP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { type Protocol, SCHEDULE_GO_ON } from './protocol.js';

/** ISAKMP's port, on both sides. */
const ISAKMP = 500;
const PORTS = (ISAKMP << 16) | ISAKMP;

function find(ipvs: NetnsIpvs, iph: IpHdr): void {
  const source = iph.inverse ? iph.daddr : iph.saddr;
  const target = iph.inverse ? iph.saddr : iph.daddr;
  ipvs.lookedUp = false;
  if (iph.family === AF_INET) ipvs.conns.find4(IPPROTO_UDP, source[0]!, target[0]!, PORTS);
  else ipvs.conns.find6(IPPROTO_UDP, source, target, PORTS);
}

function follower(name: string, protocol: number): Protocol {
  return {
    name,
    protocol,
    numStates: 1,
    dontDefrag: true,
    initNetns(): void {},
    connSchedule(ipvs: NetnsIpvs): number {
      ipvs.scheduled = NO_CONN;
      return SCHEDULE_GO_ON;
    },
    connInGet(ipvs: NetnsIpvs, _packet: Packet, iph: IpHdr): number {
      find(ipvs, iph);
      return ipvs.conns.foundIn;
    },
    connOutGet(ipvs: NetnsIpvs, _packet: Packet, iph: IpHdr): number {
      find(ipvs, iph);
      return ipvs.conns.foundOut;
    },
    // the addresses change and nothing else: there are no ports, and what is protected cannot be touched
    snatHandler: () => true,
    dnatHandler: () => true,
    csumCheck: () => true,
    // the kernel has no names for what has one state
    stateName: () => 'ERR!',
    debugPacket: addressesText,
    stateTransition(): void {},
    timeoutChange(): void {},
  };
}

export const protocolAh: Protocol = follower('AH', IPPROTO_AH);
export const protocolEsp: Protocol = follower('ESP', IPPROTO_ESP);
