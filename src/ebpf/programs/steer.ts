/**
 * The steering program: behind the tc program at an interface's ingress, it sends what concerns a virtual service straight to the engine, past the
 * kernel's routing: what may begin a connection by a ring buffer (hand-over.ts), all else into the TUN device. There the kernel takes the Ethernet header off, and
 * keeps what is still to be done about checksums and segments.
 */
import { Assembler } from '../assembler.js';
import { type Memory, part, r0, r1, r2, r3, r4, r10 } from '../operand.js';
import type { Program } from '../program.js';
import { ctx, decrementTtl4, decrementTtl6, packet } from './common.js';
import { DEVICE, finishHandOver, handOver } from './hand-over.js';
import {
  ETH_HLEN,
  ETH_P_IP,
  ETH_P_IPV6,
  htons,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4,
  IPV6,
  SK_BUFF,
} from './headers.js';
import { type Frame, fragment, frame, LEFT, PEEK, PORTS, protocol, transport } from './steer-frame.js';
import { STEER_SIDES, type SteerSide } from './steer-map.js';

const TC_ACT_UNSPEC = -1;
/** The frame is addressed to this host. */
const PACKET_HOST = 0;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
/** Extension headers that may stand before the transport header. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;
/** As many are looked through. */
const EXTENSIONS = 4;
/** MF and offset, in the IPv4 header and in the fragment header of IPv6. */
const FRAGMENT4 = htons(0x3fff);
const FRAGMENT6 = htons(0xfff9);
/** ICMP errors that IPVS looks into: destination unreachable, source quench, time exceeded. Those of IPv6 are below 128. */
const ICMP_ERRORS = (1 << 3) | (1 << 4) | (1 << 11);
const ICMPV6_INFO = 0x80;
/** fe80::/10: neighbours on one link. */
const LINK_LOCAL_MASK = htons(0xffc0);
const LINK_LOCAL = htons(0xfe80);

/** How long a flow of which a packet had to take the TUN device keeps to it, ns. */
const PATIENCE = 1_000_000_000;

/**
 * Its maps are that of steer-map.ts, as `steer`, and those of arrival.ts.
 * @param ifindex of the TUN device. @param patience how long a flow of which a packet had to take it keeps to it, ns.
 */
export function steerProgram(ifindex: number, patience: number = PATIENCE): Program {
  const a = new Assembler('ipvsd_steer');
  const f = frame(a);
  const skb = SK_BUFF.at(ctx);
  a.mov(ctx, r1);
  a.load(r0, skb.pktType).jumpIf(r0, '!=', PACKET_HOST, LEFT);
  // a tag belongs to an interface of its own
  a.load(r0, skb.vlanPresent).jumpIf(r0, '!=', 0, LEFT);
  a.load(r0, skb.protocol)
    .jumpIf(r0, '==', htons(ETH_P_IPV6), 'ipv6')
    .jumpIf(r0, '!=', htons(ETH_P_IP), LEFT);
  readIpv4(a, f);
  decide(a, f, 4);
  steer(a, f, 4, patience);
  a.label('ipv6');
  readIpv6(a, f);
  decide(a, f, 6);
  steer(a, f, 6, patience);
  finishHandOver(a, f);
  a.label(DEVICE).mov(r1, ifindex).mov(r2, 0).call('redirect').exit();
  a.label(LEFT).mov(r0, TC_ACT_UNSPEC).exit();
  return a.finish();
}

/** Brings bytes of the frame to the stack. @param offset a number or a register. */
function peek(a: Assembler, offset: typeof transport | number, to: { offset: number }, size: number): void {
  a.mov(r1, ctx).mov(r2, offset).mov(r3, r10).add(r3, to.offset).mov(r4, size);
  a.call('skb_load_bytes').jumpIf(r0, '!=', 0, LEFT);
}

function readIpv4(a: Assembler, f: Frame): void {
  peek(a, ETH_HLEN, f.ip4, IPV4.size);
  a.load(transport, f.ip4.versionIhl).and(transport, 15).lsh(transport, 2);
  a.jumpIf(transport, '<', IPV4.size, LEFT).add(transport, ETH_HLEN);
  a.load(protocol, f.ip4.protocol);
  a.load(fragment, f.ip4.fragment).and(fragment, FRAGMENT4);
  for (const at of [4, 8, 12]) a.store(part(f.key.address, at, 4), 0);
}

function readIpv6(a: Assembler, f: Frame): void {
  const done = 'extensions.done';
  peek(a, ETH_HLEN, f.ip6, IPV6.size);
  a.load(r1, part(f.ip6.source, 0, 2))
    .and(r1, LINK_LOCAL_MASK)
    .jumpIf(r1, '==', LINK_LOCAL, LEFT);
  a.mov(transport, ETH_HLEN + IPV6.size)
    .mov(fragment, 0)
    .load(protocol, f.ip6.nextHeader);
  for (let i = 0; i < EXTENSIONS; i++) {
    const other = `extension.${i}`;
    const next = `extension.${i}.next`;
    a.jumpIf(protocol, '==', FRAGMENT, other);
    for (const header of [ROUTING, DESTINATION]) a.jumpIf(protocol, '==', header, next);
    a.jumpIf(protocol, '!=', HOP_BY_HOP, done);
    a.label(next);
    peek(a, transport, f.peek, PEEK.size);
    a.load(protocol, f.peek.next).load(r1, f.peek.length).add(r1, 1).lsh(r1, 3).add(transport, r1);
    a.jump(`extension.${i}.end`);
    a.label(other);
    peek(a, transport, f.peek, PEEK.size);
    a.load(protocol, f.peek.next).add(transport, 8);
    a.load(fragment, f.peek.fragment).and(fragment, FRAGMENT6).jumpIf(fragment, '!=', 0, done);
    a.label(`extension.${i}.end`);
  }
  a.label(done);
}

/** Looks the packet up in all ways that fit it. */
function decide(a: Assembler, f: Frame, version: 4 | 6): void {
  const ip = version === 4 ? f.ip4 : f.ip6;
  const v = `v${version}`;
  const find = (side: SteerSide, address: Memory, port?: Memory): void =>
    lookUp(a, f, version, { side, address, port });
  a.store(f.key.protocol, protocol).store(part(f.ports.sourcePort, 0, 4), 0);
  const whole = `whole.${v}`;
  a.jumpIf(fragment, '==', 0, whole);
  find('fragmentTo', ip.destination);
  find('fragmentFrom', ip.source);
  a.jump(LEFT).label(whole);

  const ports = `ports.${v}`;
  const none = `none.${v}`;
  for (const number of [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP]) a.jumpIf(protocol, '==', number, ports);
  a.jumpIf(protocol, '!=', version === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, none);
  isError(a, f, version);
  a.store(f.key.protocol, 0);
  find('error', ip.destination);
  for (const at of [0, 4, 8, 12]) a.store(part(f.key.address, at, 4), 0);
  find('error', f.key.address);
  a.jump(LEFT);

  a.label(ports);
  peek(a, transport, f.ports, PORTS.size);
  find('to', ip.destination, f.ports.destinationPort);
  find('from', ip.source, f.ports.sourcePort);
  a.label(none);
  find('to', ip.destination);
  find('from', ip.source);
  a.jump(LEFT);
}

/** Sends the packet to the engine, one hop further, as routing into its device would. What has no hop left is the kernel's to answer. */
function steer(a: Assembler, f: Frame, version: 4 | 6, patience: number): void {
  a.label(steered(version)).store(f.locals.transport, transport);
  a.load(r1, version === 4 ? f.ip4.ttl : f.ip6.hopLimit).jumpIf(r1, '<=', 1, LEFT);
  a.load(packet, SK_BUFF.at(ctx).data).load(r3, SK_BUFF.at(ctx).dataEnd);
  a.needBytes(packet, ETH_HLEN + (version === 4 ? IPV4.size : IPV6.size), r3, r1, LEFT);
  if (version === 4) decrementTtl4(a);
  else {
    decrementTtl6(a);
    // a sum that a network card may have taken of the whole packet: one less in the upper byte of a word
    a.mov(r1, ctx).mov(r2, 0xfeff).call('csum_update');
  }
  handOver(a, f, version, patience);
}

function steered(version: 4 | 6): string {
  return `steered.v${version}`;
}

/** Leaves ICMP messages that are no errors. */
function isError(a: Assembler, f: Frame, version: 4 | 6): void {
  const type = r1;
  peek(a, transport, f.ports, 1);
  a.load(type, part(f.ports.sourcePort, 0, 1));
  if (version === 6) {
    a.jumpIf(type, '&', ICMPV6_INFO, LEFT);
    return;
  }
  a.jumpIf(type, '>', 11, LEFT).mov(r2, 1).lsh(r2, type).and(r2, ICMP_ERRORS).jumpIf(r2, '==', 0, LEFT);
}

/** Steers the packet when there is an entry. @param what.port any when left out. */
function lookUp(
  a: Assembler,
  { key }: Frame,
  version: 4 | 6,
  what: { side: SteerSide; address: Memory; port: Memory | undefined },
): void {
  for (let at = 0; at < (version === 4 ? 4 : 16); at += 4) {
    a.load(r1, part(what.address, at, 4)).store(part(key.address, at, 4), r1);
  }
  if (what.port === undefined) a.store(key.port, 0);
  else a.load(r1, what.port).store(key.port, r1);
  a.store(key.side, STEER_SIDES[what.side]);
  a.movMap(r1, 'steer').mov(r2, r10).add(r2, key.offset).call('map_lookup_elem');
  a.jumpIf(r0, '!=', 0, steered(version));
}
