/** Valid packets of every kind that the director knows, from which the fuzzer makes invalid ones. */
import { ascii, concat, filler } from '../../test/support/bytes.js';
import {
  ACK,
  AH,
  ESP,
  FIN,
  frag4,
  frag6,
  GRE,
  IPIP,
  icmpError,
  ip,
  ip6,
  PSH,
  pack,
  ping,
  RST,
  SYN,
  sctp,
  tcp,
  UDP,
  udp,
} from '../../test/support/packets.js';

/** Addresses of one family in the fuzzer's network. */
interface Ends {
  readonly client: string;
  readonly vip: string;
  readonly server: string;
  readonly director: string;
}

const V4: Ends = { client: '10.1.0.10', vip: '10.1.0.100', server: '10.2.0.11', director: '10.2.0.1' };
const V6: Ends = { client: 'fd00:1::10', vip: 'fd00:1::100', server: 'fd00:2::11', director: 'fd00:2::1' };

/** Ports of the fuzzer's virtual services: NAT, DR, tunnels by IPIP, GUE and GRE; persistent; one without a server; SIP. */
export const PORT = {
  nat: 80,
  dr: 81,
  ipip: 82,
  gue: 83,
  gueCsum: 84,
  gre: 85,
  persistent: 86,
  empty: 87,
  local: 88,
  sip: 5060,
} as const;

/** Destination port of GUE tunnels. */
export const GUE_PORT = 6080;

/** All seeds. */
export function fuzzSeeds(): Uint8Array[] {
  return [...seedsOf(V4), ...seedsOf(V6), ...mixedSeeds()];
}

function seedsOf({ client, vip, server, director }: Ends): Uint8Array[] {
  const v6 = client.includes(':');
  const seeds: Uint8Array[] = [];
  for (const port of Object.values(PORT)) {
    for (const flags of [SYN, ACK, ACK | PSH, FIN | ACK, RST]) {
      seeds.push(tcp(client, 40_000, vip, port, flags, { data: filler(flags === SYN ? 0 : 20) }));
    }
    seeds.push(udp(client, 40_000, vip, port, { data: filler(30) }));
  }
  const reply = tcp(server, 8080, client, 40_000, SYN | ACK);
  const request = tcp(client, 40_000, vip, PORT.nat, SYN, { tcpOptions: filler(12) });
  const forwarded = tcp(client, 40_000, server, 8080, ACK);
  seeds.push(tcp(client, 40_000, vip, PORT.ipip, ACK, { data: filler(1600) }), udp(client, 40_000, vip, 99));
  const big = udp(client, 40_000, vip, PORT.nat, { data: filler(600), df: false });
  seeds.push(
    reply,
    tcp(server, 8080, client, 40_000, FIN | ACK),
    udp(server, 8080, client, 40_000, { data: filler(12) }),
  );
  seeds.push(
    request,
    udp(client, 40_000, vip, PORT.nat, { noChecksum: true, data: filler(9) }),
    ping(client, vip, 1, 1),
  );
  seeds.push(
    sctp(client, 40_000, vip, PORT.nat, ['init']),
    sctp(client, 40_000, vip, PORT.nat, ['cookieEcho', 'data']),
  );
  for (const chunk of [
    'initAck',
    'cookieAck',
    'sack',
    'heartbeat',
    'shutdown',
    'shutdownAck',
    'abort',
    'error',
  ] as const) {
    seeds.push(
      sctp(client, 40_000, vip, PORT.dr, [chunk, 'data']),
      sctp(server, 8080, client, 40_000, [chunk]),
    );
  }
  const call = ascii(
    'INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c\r\nCall-ID: 1234567890@c\r\nFrom: a\r\n\r\n',
  );
  seeds.push(
    udp(client, 5060, vip, PORT.sip, { data: call }),
    udp(server, PORT.sip, client, 5060, { data: call }),
  );
  seeds.push(
    ip(client, vip, ESP, filler(40)),
    ip(client, vip, AH, filler(40)),
    ip(server, client, ESP, filler(40)),
  );
  for (const cut of [3000, 8, 4]) {
    const limit = (v6 ? 40 : 20) + cut;
    seeds.push(icmpError(server, client, v6 ? 1 : 3, v6 ? 4 : 3, forwarded, { limit }));
    seeds.push(icmpError(client, vip, v6 ? 3 : 11, 0, tcp(vip, PORT.nat, client, 40_000, ACK), { limit }));
    seeds.push(icmpError(client, vip, v6 ? 2 : 3, v6 ? 0 : 4, big, { info: 1280, limit }));
  }
  const gue = concat(
    pack([16, 55_555], [16, GUE_PORT], [16, 52], [16, 0], [8, 0], [8, IPIP], [16, 0]),
    request,
  );
  const gre = concat(pack([16, 0], [16, 0x0800]), request);
  for (const tunnel of [
    ip(director, server, IPIP, request),
    ip(director, server, UDP, gue),
    ip(director, server, GRE, gre),
  ]) {
    seeds.push(tunnel, icmpError(server, director, v6 ? 2 : 3, v6 ? 0 : 4, tunnel, { info: 1400 }));
  }
  seeds.push(...(v6 ? frag6(big, 200) : frag4(big, 200)));
  return seeds;
}

/** What only one of the families has. */
function mixedSeeds(): Uint8Array[] {
  const hop = (next: number) => concat(pack([8, next], [8, 0]), filler(6));
  const segment = tcp(V6.client, 40_000, V6.vip, PORT.nat, SYN).subarray(40);
  return [
    tcp(V4.client, 40_000, V4.vip, PORT.nat, SYN, {
      options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0),
    }),
    ip6(V6.client, V6.vip, 0, concat(hop(60), hop(43), hop(6), segment)),
    ip6(V6.client, V6.vip, 51, concat(pack([8, 6], [8, 4]), filler(22), segment)),
    ip6(V6.client, V6.vip, 44, concat(pack([8, 6], [8, 0], [16, 0], [32, 1]), segment)),
  ];
}
