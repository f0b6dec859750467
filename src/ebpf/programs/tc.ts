/**
 * The tc program: at the ingress of an Ethernet interface it carries the ordinary packets of connections that the engine has installed, and leaves
 * all others alone. What is ordinary: no fragment, no options, a TTL that can be lowered, no SYN of a client, no more bytes than the way out takes. It
 * tells the engine of those that may change a state (report.ts).
 */
import { Assembler } from '../assembler.js';
import { r0, r1, r2, r3, r4, r5 } from '../operand.js';
import type { Program } from '../program.js';
import {
  account,
  ctx,
  decrementTtl4,
  decrementTtl6,
  type Frame,
  findFlow4,
  findFlow6,
  frame,
  inFlow,
  inWay,
  ip4,
  ip6,
  packet,
  rewriteAddress,
  SLOW,
  tcp4,
  tcp6,
  udp4,
  udp6,
  way,
} from './common.js';
import { FLOW_ACTIONS } from './flow-maps.js';
import {
  ETH_HLEN,
  ETH_P_IP,
  ETH_P_IPV6,
  ETHERNET,
  htons,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPV4,
  IPV6,
  REDIR_NEIGH,
  SK_BUFF,
  TCP,
  UDP,
} from './headers.js';
import { report } from './report.js';
import { checkTunnel, tcTunnel } from './tc-tunnel.js';
import { encapsulate } from './tunnel.js';
import { DROP } from './tunnel-shim.js';

/** The next program, or the kernel's own way, has the packet. */
const TC_ACT_UNSPEC = -1;
const TC_ACT_SHOT = 2;

/** The frame is addressed to this host. */
const PACKET_HOST = 0;

/** Flags of `bpf_l4_csum_replace`: the change is one of the pseudo header; a UDP checksum of 0 becomes 0xffff. */
const BPF_F_PSEUDO_HDR = 0x10;
const BPF_F_MARK_MANGLED_0 = 0x20;

/** How the two families differ. */
interface FamilyParts {
  readonly version: 4 | 6;
  readonly header: number;
  readonly tcp: typeof tcp4;
  readonly udp: typeof udp4;
}

const V4: FamilyParts = { version: 4, header: IPV4.size, tcp: tcp4, udp: udp4 };
const V6: FamilyParts = { version: 6, header: IPV6.size, tcp: tcp6, udp: udp6 };

/** Its maps are those of flow-maps.ts. */
export function tcProgram(): Program {
  const a = new Assembler('ipvsd_tc');
  const f = frame(a);
  const skb = SK_BUFF.at(ctx);
  const ethernet = ETHERNET.at(packet);
  a.mov(ctx, r1);
  // what a bridge, or a curious interface, sees of others' packets is not ours
  a.load(r0, skb.pktType).jumpIf(r0, '!=', PACKET_HOST, SLOW);
  // a tag belongs to an interface of its own
  a.load(r0, skb.vlanPresent).jumpIf(r0, '!=', 0, SLOW);
  a.load(packet, skb.data).load(r3, skb.dataEnd);
  a.load(r4, skb.len).sub(r4, ETH_HLEN);
  a.needBytes(packet, ETHERNET.size, r3, r1, SLOW);
  a.load(r1, ethernet.type)
    .jumpIf(r1, '==', htons(ETH_P_IPV6), 'ipv6')
    .jumpIf(r1, '!=', htons(ETH_P_IP), SLOW);
  findFlow4(a, f, r3, r4, 'all');
  forward(a, f, V4);
  a.label('ipv6');
  findFlow6(a, f, r3, r4, 'all');
  forward(a, f, V6);
  a.label(SLOW).mov(r0, TC_ACT_UNSPEC).exit();
  a.label(DROP).mov(r0, TC_ACT_SHOT).exit();
  return a.finish();
}

/** Everything behind the look-up. */
function forward(a: Assembler, f: Frame, family: FamilyParts): void {
  const v = `v${family.version}`;
  fits(a, f, family);
  a.load(r1, inFlow.action);
  a.jumpIf(r1, '==', FLOW_ACTIONS.direct, `direct.${v}`).jumpIf(r1, '==', FLOW_ACTIONS.tunnel, `tunnel.${v}`);
  a.jumpIf(r1, '>', FLOW_ACTIONS.natReply, SLOW);
  nat(a, f, family);
  a.jump(`send.${v}`);
  a.label(`tunnel.${v}`);
  checkTunnel(a, f, family.version);
  report(a, f);
  lowerTtl(a, family.version);
  encapsulate(a, f, family.version, `send.${v}`, tcTunnel);
  a.label(`direct.${v}`);
  report(a, f);
  lowerTtl(a, family.version);
  a.label(`send.${v}`);
  account(a, f, `counted.${v}`);
  redirect(a);
}

/** All that is done to a packet whose addresses stay. */
function lowerTtl(a: Assembler, version: 4 | 6): void {
  if (version === 4) {
    decrementTtl4(a);
    return;
  }
  decrementTtl6(a);
  updateSum(a, false);
}

/** The packet is no longer than its way takes; of many segments in one, no segment is. */
function fits(a: Assembler, { locals }: Frame, { version, header, tcp }: FamilyParts): void {
  const done = `fits.v${version}`;
  a.load(r1, locals.length).load(r2, inWay.mtu).jumpIf(r1, '<=', r2, done);
  a.load(r1, SK_BUFF.at(ctx).gsoSize).jumpIf(r1, '==', 0, SLOW);
  // segments of UDP are not cut here
  const protocol = version === 4 ? ip4.protocol : ip6.nextHeader;
  a.load(r3, protocol).jumpIf(r3, '!=', IPPROTO_TCP, SLOW);
  a.load(r3, SK_BUFF.at(ctx).dataEnd).needBytes(packet, ETH_HLEN + header + TCP.size, r3, r4, SLOW);
  a.load(r3, tcp.dataOffset).rsh(r3, 4).lsh(r3, 2).add(r1, r3).add(r1, header).jumpIf(r1, '>', r2, SLOW);
  a.label(done);
}

/**
 * Rewrites address and port. The transport checksum is changed by the kernel's helper, which knows whether it is still to be completed: the
 * port is none of it then.
 */
function nat(a: Assembler, f: Frame, { version, header, tcp, udp }: FamilyParts): void {
  const v = `v${version}`;
  const at = ETH_HLEN + header;
  const hasSum = `nat.sum.${v}`;
  const reply = `nat.reply.${v}`;
  const sums = `nat.sums.${v}`;
  const action = r0;
  a.load(r1, version === 4 ? ip4.protocol : ip6.nextHeader)
    .jumpIf(r1, '==', IPPROTO_TCP, hasSum)
    .jumpIf(r1, '==', IPPROTO_SCTP, hasSum);
  // a datagram without a checksum is given one by the slow path
  a.load(r1, udp.checksum).jumpIf(r1, '==', 0, SLOW);
  a.label(hasSum);
  report(a, f);
  a.load(action, inFlow.action);
  if (version === 4) a.load(r3, inFlow.addressDelta);
  if (version === 4) decrementTtl4(a, r3);
  else decrementTtl6(a);
  const from = version === 4 ? ip4 : ip6;
  a.load(r4, inFlow.port);
  a.jumpIf(action, '==', FLOW_ACTIONS.natReply, reply);
  rewriteAddress(a, version, from.destination).store(tcp.destination, r4).jump(sums);
  a.label(reply);
  rewriteAddress(a, version, from.source).store(tcp.source, r4);
  a.label(sums);
  // from here on the register of the packet holds the place of its checksum
  const udpFlags = `nat.udp.${v}`;
  const replace = `nat.replace.${v}`;
  const samePort = `nat.port.${v}`;
  // what SCTP sums up has not changed
  a.load(r1, version === 4 ? ip4.protocol : ip6.nextHeader).jumpIf(r1, '==', IPPROTO_SCTP, samePort);
  a.mov(r5, BPF_F_PSEUDO_HDR).jumpIf(r1, '!=', IPPROTO_TCP, udpFlags);
  a.mov(packet, at + TCP.fields.checksum.offset).jump(replace);
  a.label(udpFlags)
    .mov(packet, at + UDP.fields.checksum.offset)
    .mov(r5, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);
  a.label(replace);
  a.mov(r1, ctx).mov(r2, packet).mov(r3, 0).load(r4, inFlow.addressDelta).call('l4_csum_replace');
  a.load(r4, inFlow.portDelta).jumpIf(r4, '==', 0, samePort);
  const flagless = `nat.flags.${v}`;
  a.mov(r5, 0)
    .jumpIf(packet, '==', at + TCP.fields.checksum.offset, flagless)
    .mov(r5, BPF_F_MARK_MANGLED_0);
  a.label(flagless).mov(r1, ctx).mov(r2, packet).mov(r3, 0).call('l4_csum_replace');
  a.label(samePort);
  if (version === 6) updateSum(a, true);
}

/**
 * IPv6 has no header checksum that would take up a change, so the sum that a network card may have taken of the whole packet is put right: for the
 * hop limit, and for the address, which the helper has counted as if there were one.
 */
function updateSum(a: Assembler, address: boolean): void {
  a.mov(r1, ctx);
  // one less in the upper byte of the word
  if (address) a.load(r2, inFlow.addressDelta).add(r2, 0xfeff);
  else a.mov(r2, 0xfeff);
  a.call('csum_update');
}

/** Sends the packet to the way's next hop. */
function redirect(a: Assembler): void {
  a.load(r1, inWay.ifindex).mov(r2, way).mov(r3, REDIR_NEIGH.size).mov(r4, 0).call('redirect_neigh').exit();
}
