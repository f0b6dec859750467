/** ICMP and ICMPv6: errors about connections in both directions, and everything else. */
import { ascii } from '../../support/bytes.js';
import {
  ACK,
  ESP,
  IP6IP,
  IPIP,
  icmp,
  icmpError,
  ip4,
  ip as ipPacket,
  ping,
  SYN,
} from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { client, director, type Ip, type Method, server, serverPort, service, vip } from './place.js';
import { Story } from './story.js';

const LIST = 'ipvsadm -Lnc';
/** Type and code. */
type Kind = readonly [number, number];

const KINDS: Record<Ip, readonly Kind[]> = {
  4: [
    [3, 0],
    [3, 1],
    [3, 2],
    [3, 3],
    [3, 4],
    [3, 9],
    [3, 13],
    [4, 0],
    [5, 1],
    [11, 0],
    [11, 1],
    [12, 0],
    [0, 0],
    [13, 0],
    [40, 0],
  ],
  6: [
    [1, 0],
    [1, 1],
    [1, 3],
    [1, 4],
    [2, 0],
    [3, 0],
    [3, 1],
    [4, 0],
    [4, 1],
    [100, 0],
    [127, 0],
    [129, 0],
    [200, 0],
  ],
};
/** The word after the checksum: an MTU where it is one. */
const info = (ip: Ip, [type, code]: Kind): number =>
  (ip === 4 ? type === 3 && code === 4 : type === 2) ? 1300 : 0;

function open(story: Story, flow: Flow, method: Method): void {
  story.send('client', flow.ask(SYN));
  if (method === 'nat') story.send('rs1', flow.answer(SYN | ACK));
  story.send('client', flow.ask(ACK));
}

/** Errors of every type that a client, or a router on the way to it, sends about the server's packets. */
function fromClient(ip: Ip, method: Method): ScenarioFile {
  const name = `icmp_types_from_client_${method}${ip}`;
  const story = new Story(name, 'errors of each type about what the server sent', service(ip, 'tcp', method));
  const flow = new Flow(ip, 5000, 1, serverPort(method));
  open(story, flow, method);
  for (const kind of KINDS[ip]) {
    const about = flow.answerAfterNat(ACK, { data: ascii('some data') });
    const [type, code] = kind;
    story.send(
      'client',
      icmpError(flow.client, vip(ip), type, code, about, { info: info(ip, kind) }),
      `${type}/${code}`,
    );
  }
  const hop = ip === 4 ? '203.0.113.7' : '2001:db8::7';
  const [type, code] = ip === 4 ? [11, 0] : [3, 0];
  story.send('client', icmpError(hop, vip(ip), type, code, flow.answerAfterNat(ACK)), 'from a router');
  return story.dump(LIST).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** Errors of every type that a server, or a router on the way to it, sends about the client's packets. */
function fromServer(ip: Ip, offload: boolean): ScenarioFile {
  const name = `icmp_types_from_server_nat${ip}${offload ? '_offload' : ''}`;
  const story = new Story(name, 'errors of each type about what the client sent', service(ip, 'tcp', 'nat'));
  const flow = new Flow(ip, 5000);
  open(story, flow, 'nat');
  for (const kind of KINDS[ip]) {
    const about = flow.askAfterNat(ACK, { data: ascii('some data') });
    const [type, code] = kind;
    const error = icmpError(server(ip), flow.client, type, code, about, { info: info(ip, kind) });
    story.send('rs1', error, `${type}/${code}`, { offload });
  }
  const [type, code] = ip === 4 ? [11, 0] : [3, 0];
  const hop = ip === 4 ? '10.2.0.254' : 'fd00:2::fe';
  story.send('world', icmpError(hop, flow.client, type, code, flow.askAfterNat(ACK)), 'from a router', {
    offload,
  });
  return story.dump(LIST).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** Errors that quote little, wrongly, or something else. */
function quotes(ip: Ip, side: 'client' | 'server'): ScenarioFile {
  const story = new Story(`icmp_quotes_${side}${ip}`, `what an error from the ${side} may quote`, [
    ...service(ip, 'tcp', 'nat'),
    ...service(ip, 'udp', 'nat'),
  ]);
  const flow = new Flow(ip, 5000);
  open(story, flow, 'nat');
  story.send('client', flow.askUdp()).send('rs1', flow.answerUdp());
  const header = ip === 4 ? 20 : 40;
  const [type, code] = ip === 4 ? [3, 1] : [1, 3];
  const [host, to] = side === 'client' ? [flow.client, vip(ip)] : [server(ip), flow.client];
  const station = side === 'client' ? 'client' : 'rs1';
  const segment =
    side === 'client'
      ? flow.answerAfterNat(ACK, { data: ascii('data') })
      : flow.askAfterNat(ACK, { data: ascii('data') });
  const datagram = side === 'client' ? flow.answerUdpAfterNat() : flow.askUdpAfterNat();
  const stranger = new Flow(ip, 5999);
  const unknown = side === 'client' ? stranger.answerAfterNat(ACK) : stranger.askAfterNat(ACK);
  const [from, towards] = side === 'client' ? [vip(ip), flow.client] : [flow.client, server(ip)];
  const send = (about: Uint8Array, note: string, options: Parameters<typeof icmpError>[5] = {}): void => {
    // IPv6 errors are believed only when the card vouches for their checksum
    story.send(station, icmpError(host, to, type, code, about, options), note, {
      offload: ip === 6 && options.badChecksum !== true,
    });
  };
  for (const length of [
    0,
    8,
    header - 1,
    header,
    header + 3,
    header + 4,
    header + 7,
    header + 8,
    header + 19,
  ]) {
    send(segment, `${length} octets`, { limit: length });
  }
  send(datagram, 'a datagram');
  send(datagram, 'the first octets of a datagram', { limit: header + 8 });
  send(segment, 'the error has a wrong checksum', { badChecksum: true });
  send(unknown, 'of no connection');
  send(ipPacket(from, towards, ESP, ascii('an unknown protocol')), 'of an unknown protocol');
  send(ping(from, towards, 1, 1), 'an echo request');
  send(icmpError(from, towards, type, code, segment), 'an error');
  if (ip === 4) {
    const payload = segment.subarray(header);
    send(ip4(from, towards, 6, payload, { off: 64, df: false }), 'a later fragment');
    send(ip4(from, towards, 6, payload, { mf: true, df: false }), 'a first fragment');
    send(ip4(from, towards, 6, payload, { options: Uint8Array.of(1, 1, 1, 1) }), 'with IPv4 options');
    send(ip4(from, towards, 6, payload, { badIpChecksum: true }), 'with a wrong header checksum');
    send(ip4(from, towards, 6, payload, { ihl: 15 }), 'with a header length that lies');
  }
  return story.dump(LIST).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** What a router inside a tunnel says about the tunnel's packets. */
function inTunnel(ip: Ip, serverIp: Ip): ScenarioFile {
  const name = `icmp_in_tunnel_${ip}in${serverIp}`;
  const story = new Story(name, 'errors about tunnel packets', service(ip, 'tcp', 'tun', { serverIp }));
  const flow = new Flow(ip, 5000);
  open(story, flow, 'tun');
  const protocol = ip === 4 ? IPIP : IP6IP;
  const error = (kind: Kind, df: boolean, mtu: number, limit?: number): Uint8Array => {
    const inner = flow.ask(ACK, { data: ascii('in a tunnel'), ttl: 63, df });
    const outer = ipPacket(director(serverIp), server(serverIp), protocol, inner, { ttl: 63, df });
    const hop = serverIp === 4 ? '10.2.0.254' : 'fd00:2::fe';
    const options = { info: mtu, ...(limit === undefined ? {} : { limit }) };
    return icmpError(hop, director(serverIp), kind[0], kind[1], outer, options);
  };
  const tooBig: Kind = serverIp === 4 ? [3, 4] : [2, 0];
  story.send('world', error(tooBig, true, 1400), 'too big, 1400');
  story.send('client', flow.ask(ACK, { data: new Uint8Array(1345) }), 'larger than what fits now');
  story.send('world', error(tooBig, false, 1300), 'too big, without DF inside');
  story.send('world', error(tooBig, true, 60), 'too big, 60');
  for (const kind of KINDS[serverIp].filter((k) => k !== tooBig))
    story.send('world', error(kind, true, 0), kind.join('/'));
  for (const limit of [20, 28, 40, 48, 60])
    story.send('world', error(tooBig, true, 1400, limit), `quotes ${limit} octets`);
  return story.dump(LIST).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** schedule_icmp: an error of no connection makes one. */
function scheduled(ip: Ip, on: boolean): ScenarioFile {
  const name = `icmp_schedule_${on ? 'on' : 'off'}${ip}`;
  const story = new Story(
    name,
    'errors about connections that the director does not know',
    service(ip, 'tcp', 'dr', { servers: 2 }),
  );
  story.sysctl({ schedule_icmp: Number(on), sloppy_tcp: 1 });
  const [type, code] = ip === 4 ? [3, 4] : [2, 0];
  for (const port of [5000, 5001]) {
    const about = new Flow(ip, port).answerAfterNat(ACK);
    story.send('client', icmpError(client(ip), vip(ip), type, code, about, { info: 1400 }), 'too big');
  }
  story.send('client', new Flow(ip, 5000).ask(ACK), 'a segment of the first');
  return story.dump(LIST, 'ipvsadm -Ln').end();
}

/** Messages that are no errors. */
function queries(ip: Ip): ScenarioFile {
  const story = new Story(
    `icmp_queries${ip}`,
    'echo and other messages to the virtual address',
    service(ip, 'tcp', 'nat'),
  );
  story.send('client', ping(client(ip), vip(ip), 7, 1), 'echo request');
  story.send('client', ping(client(ip), server(ip), 7, 2), 'echo request to a server');
  story.send('rs1', ping(server(ip), client(ip), 7, 3), 'echo request of a server');
  story.send('client', ping(client(ip), vip(ip), 7, 4, { ttl: 1 }), 'echo request, TTL 1');
  story.send('client', ping(client(ip), server(ip), 7, 5, { ttl: 1 }), 'echo request to a server, TTL 1');
  for (const type of ip === 4 ? [13, 15, 17, 9, 10, 255] : [0, 128, 129, 138, 139, 255]) {
    story.send('client', icmp(client(ip), vip(ip), type, 0, 0, ascii('twelve bytes')), `type ${type}`);
  }
  return story.dump(LIST).end();
}

export const ICMP_SCENARIOS: readonly ScenarioFile[] = [
  ...([4, 6] as const).flatMap((ip) => [
    ...(['nat', 'dr', 'tun'] as const).map((method) => fromClient(ip, method)),
    fromServer(ip, false),
    quotes(ip, 'client'),
    quotes(ip, 'server'),
    scheduled(ip, true),
    scheduled(ip, false),
    queries(ip),
  ]),
  fromServer(6, true),
  inTunnel(4, 4),
  inTunnel(6, 4),
  inTunnel(4, 6),
  inTunnel(6, 6),
];
