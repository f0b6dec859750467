/** Services of every kind for the fuzzer: every forwarding method, tunnel type, scheduler and flag, over both families. */
import type { DestUser } from '../../src/engine/dest.js';
import {
  CONN_F_DROUTE,
  CONN_F_MASQ,
  CONN_F_TUNNEL,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SVC_F_ONEPACKET,
  SVC_F_PERSISTENT,
  TUNNEL_ENCAP_FLAG_CSUM,
  TUNNEL_ENCAP_FLAG_REMCSUM,
  TUNNEL_TYPE_GRE,
  TUNNEL_TYPE_GUE,
} from '../../src/engine/flags.js';
import type { ServiceUser } from '../../src/engine/service.js';
import { AF_INET, AF_INET6 } from '../../src/wire/inet.js';
import { GUE_PORT, PORT } from './fuzz-seeds.js';
import { destUser, serviceUser } from './rules.js';

/** A service and its real servers. */
export interface FuzzRule {
  readonly service: ServiceUser;
  readonly dests: readonly DestUser[];
}

/** Addresses of the director in the fuzzer's network; the last of each family is also a real server. */
export const LOCAL_ADDRESSES = [
  '10.1.0.100',
  '10.2.0.1',
  '10.2.0.19',
  'fd00:1::100',
  'fd00:2::1',
  'fd00:2::19',
];

const PERSISTENT = { flags: SVC_F_PERSISTENT, timeout: 60 };
const GUE = { tunType: TUNNEL_TYPE_GUE, tunPort: GUE_PORT };
const GRE = { tunType: TUNNEL_TYPE_GRE };

/** All rules, in the order in which they are to be added. */
export function fuzzRules(): FuzzRule[] {
  return [
    ...rulesOf(IPPROTO_TCP, '10.1.0.100', '10.2.0.', 'fd00:2::'),
    ...rulesOf(IPPROTO_UDP, '10.1.0.100', '10.2.0.', 'fd00:2::'),
    ...rulesOf(IPPROTO_SCTP, '10.1.0.100', '10.2.0.', 'fd00:2::'),
    ...rulesOf(IPPROTO_TCP, 'fd00:1::100', 'fd00:2::', '10.2.0.'),
    ...rulesOf(IPPROTO_UDP, 'fd00:1::100', 'fd00:2::', '10.2.0.'),
    ...rulesOf(IPPROTO_SCTP, 'fd00:1::100', 'fd00:2::', '10.2.0.'),
    sip('10.1.0.100', '10.2.0.'),
    sip('fd00:1::100', 'fd00:2::'),
    { service: serviceUser(0, AF_INET, 0, { fwmark: 1 }), dests: [destUser('10.2.0.11', 0, CONN_F_MASQ)] },
    { service: serviceUser(0, AF_INET6, 0, { fwmark: 1 }), dests: [destUser('fd00:2::11', 0, CONN_F_MASQ)] },
    {
      service: serviceUser(0, AF_INET, 0, { fwmark: 2, ...PERSISTENT }),
      dests: [destUser('10.2.0.11', 0, CONN_F_DROUTE)],
    },
  ];
}

/** Calls are kept together by what they say of themselves. */
function sip(vip: string, net: string): FuzzRule {
  return {
    service: serviceUser(IPPROTO_UDP, vip, PORT.sip, {
      ...PERSISTENT,
      flags: PERSISTENT.flags | SVC_F_ONEPACKET,
      peName: 'sip',
    }),
    dests: [destUser(`${net}11`, PORT.sip, CONN_F_MASQ), destUser(`${net}12`, PORT.sip, CONN_F_DROUTE)],
  };
}

/** @param net,other beginnings of real servers' addresses: of the service's family, and of the other one. */
function rulesOf(protocol: number, vip: string, net: string, other: string): FuzzRule[] {
  const rule = (port: number, changes: Partial<ServiceUser>, ...dests: DestUser[]): FuzzRule => ({
    service: serviceUser(protocol, vip, port, changes),
    dests,
  });
  const nat = (host: number) => destUser(`${net}${host}`, 8080, CONN_F_MASQ);
  const dr = (port: number, host: number) => destUser(`${net}${host}`, port, CONN_F_DROUTE);
  const tunnel = (port: number, rip: string, changes: Partial<DestUser> = {}) =>
    destUser(rip, port, CONN_F_TUNNEL, changes);
  const onePacket = protocol === IPPROTO_UDP ? SVC_F_ONEPACKET : 0;
  return [
    rule(PORT.nat, {}, nat(11), nat(19)),
    rule(PORT.dr, { schedName: 'sh' }, dr(PORT.dr, 11), dr(PORT.dr, 12)),
    rule(PORT.ipip, { schedName: 'mh' }, tunnel(PORT.ipip, `${net}11`), tunnel(PORT.ipip, `${other}12`)),
    rule(PORT.gue, { schedName: 'wrr' }, tunnel(PORT.gue, `${net}11`, GUE)),
    rule(
      PORT.gueCsum,
      { schedName: 'dh' },
      tunnel(PORT.gueCsum, `${net}13`, { ...GUE, tunFlags: TUNNEL_ENCAP_FLAG_REMCSUM }),
      tunnel(PORT.gueCsum, `${other}13`, { ...GUE, tunFlags: TUNNEL_ENCAP_FLAG_CSUM }),
    ),
    rule(
      PORT.gre,
      { schedName: 'lblcr' },
      tunnel(PORT.gre, `${net}14`, GRE),
      tunnel(PORT.gre, `${net}15`, { ...GRE, tunFlags: TUNNEL_ENCAP_FLAG_CSUM }),
    ),
    rule(PORT.persistent, { ...PERSISTENT, schedName: 'wlc' }, nat(11), dr(8080, 12)),
    rule(PORT.empty, { schedName: 'lblc' }),
    rule(PORT.local, { flags: onePacket, schedName: 'twos' }, dr(PORT.local, 19), dr(PORT.local, 16)),
    rule(0, { ...PERSISTENT, schedName: 'sed' }, destUser(`${net}17`, 0, CONN_F_MASQ)),
  ];
}
