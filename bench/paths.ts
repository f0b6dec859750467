/**
 * The fast path's programs by themselves: nanoseconds for a packet by BPF_PROG_TEST_RUN, for each thing that they do. Needs CAP_BPF.
 *
 *   node dist/bench/paths.js [--quick] [--json FILE]
 *
 * The kernel runs the program on one packet many times over, so flows rewrite address and port to what they are. A packet that gets a tunnel's
 * header is another one each time, so it goes through once: that counts the reading of the clock, and misses of caches.
 */
import { parseArgs } from 'node:util';
import type { Flow } from '../src/ebpf/flow.js';
import { FLOW, type FlowAction } from '../src/ebpf/programs/flow-maps.js';
import { tcProgram } from '../src/ebpf/programs/tc.js';
import { xdpProgram } from '../src/ebpf/programs/xdp.js';
import { AF_INET, parseInet } from '../src/wire/inet.js';
import { HARDWARE, Harness, LOOPBACK } from '../test/fast-path/harness.js';
import { ACK, SYN, TCP, tcp, UDP, udp } from '../test/support/packets.js';
import { median } from './net/statistics.js';
import { TITLES } from './program.js';
import { type Figure, printFigures, writeFigures } from './support/report.js';

const { values } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
/** Runs of which the median is taken. */
const RUNS = values.quick ? 50 : 400;
/** Packets of a run: the TTL, 255, allows no more. */
const REPEAT = 250;
const WAY = 1;
const TUNNEL_WAY = 2;
const CLIENT_PORT = 4000;
const PORT = 80;
/** Wanted of NAT over IPv4, ns. */
const WANTED = { tc: 180, xdp: 110 } as const;

const FAMILIES = [
  { name: 'IPv4', client: '10.0.0.2', vip: '10.1.0.100', hop: '10.2.0.11', own: '10.2.0.1' },
  { name: 'IPv6', client: '2001:db8::2', vip: '2001:db8::64', hop: '2001:db8:2::11', own: '2001:db8:2::1' },
] as const;
type Family = (typeof FAMILIES)[number];

interface Case {
  readonly name: string;
  readonly protocol: number;
  /** TCP's; ACK. */
  readonly flags?: number;
  /** What the flow does; none for a packet of no flow. */
  readonly action?: FlowAction;
  /** The port changes as well. */
  readonly otherPort?: boolean;
}

const CASES: readonly Case[] = [
  { name: 'NAT request, UDP, other port', protocol: UDP, action: 'natRequest', otherPort: true },
  { name: 'NAT request, UDP, same port', protocol: UDP, action: 'natRequest' },
  { name: 'NAT request, TCP, other port', protocol: TCP, action: 'natRequest', otherPort: true },
  { name: 'NAT reply, UDP, other port', protocol: UDP, action: 'natReply', otherPort: true },
  { name: 'NAT reply, TCP, other port', protocol: TCP, action: 'natReply', otherPort: true },
  { name: 'direct routing, UDP', protocol: UDP, action: 'direct' },
  { name: 'direct routing, TCP', protocol: TCP, action: 'direct' },
  { name: 'tunnel, UDP, one at a time', protocol: UDP, action: 'tunnel' },
  { name: 'no flow, UDP', protocol: UDP },
  { name: 'no flow, TCP', protocol: TCP },
  { name: 'SYN', protocol: TCP, flags: SYN },
];

function install(
  harness: Harness,
  { client, vip }: Family,
  { protocol, action = 'direct', otherPort }: Case,
): (flow: Flow) => void {
  const [from, to] = [parseInet(client)!, parseInet(vip)!];
  const reply = action === 'natReply';
  const fill = (flow: Flow): void => {
    Object.assign(flow, {
      family: from.family,
      protocol,
      action,
      way: action === 'tunnel' ? TUNNEL_WAY : WAY,
    });
    Object.assign(flow, { sourcePort: CLIENT_PORT, destinationPort: PORT, port: reply ? CLIENT_PORT : PORT });
    flow.source.set(from.words);
    flow.destination.set(to.words);
    flow.address.set(reply ? from.words : to.words);
  };
  harness.install(fill);
  const map = from.family === AF_INET ? harness.maps.flows4 : harness.maps.flows6;
  map.lookup();
  // what changes nothing in ones' complement, but is computed all the same
  const { addressDelta, portDelta } = FLOW.fields;
  addressDelta.set(map.value, addressDelta.offset, 0xffff);
  portDelta.set(map.value, portDelta.offset, otherPort ? 0xffff : 0);
  map.update();
  return fill;
}

function measure(harness: Harness, tier: 'tc' | 'xdp', family: Family, each: Case): Figure {
  const { protocol, action, otherPort = false, flags = ACK } = each;
  const flow = install(harness, family, each);
  const { client, vip } = family;
  const port = action === undefined ? PORT + 1 : PORT;
  const packet =
    protocol === UDP
      ? udp(client, CLIENT_PORT, vip, port, { ttl: 255, data: new Uint8Array(18) })
      : tcp(client, CLIENT_PORT, vip, port, flags, { ttl: 255 });
  const repeat = action === 'tunnel' ? 1 : REPEAT;
  const times = Array.from({ length: RUNS }, () => harness.run(packet, { repeat }).nanoseconds);
  const carried = harness.counted(flow).packets;
  const expected = action === undefined ? 0 : RUNS * repeat;
  if (carried !== expected && carried !== 0)
    throw new Error(`${each.name}: ${carried} of ${expected} packets`);
  const wanted = action === 'natRequest' && otherPort && family.name === 'IPv4' ? WANTED[tier] : undefined;
  return {
    name: `${tier}: ${family.name}, ${each.name}`,
    value: median(times),
    unit: 'ns',
    note: `${Math.min(...times)} to ${Math.max(...times)}${carried < expected ? '; left alone' : ''}`,
    ...(wanted !== undefined && { target: wanted, atMost: true }),
  };
}

function program(tier: 'tc' | 'xdp'): Figure[] {
  const harness = new Harness(tier, tier === 'tc' ? tcProgram() : xdpProgram());
  try {
    return FAMILIES.flatMap((family) => {
      const [nextHop, source] = [parseInet(family.hop)!, parseInet(family.own)!];
      // the next time the frame must be for the director again
      const hardware = { ...HARDWARE, destination: LOOPBACK };
      const way = { nextHop, ifindex: 2, mtu: 1400, hardware };
      harness.setWay(WAY, way);
      harness.setWay(TUNNEL_WAY, {
        ...way,
        tunnel: { type: 'ipip', source, destination: nextHop, copyDf: true, csum: false, port: 0 },
      });
      return CASES.map((each) => measure(harness, tier, family, each));
    });
  } finally {
    harness.close();
  }
}

const figures = [...program('tc'), ...program('xdp')];
printFigures(TITLES.paths, figures);
if (values.json !== undefined) writeFigures(values.json, figures);
