/**
 * The tc program: at the ingress of an Ethernet interface it carries the ordinary packets of connections that the engine has installed, and leaves
 * all others alone. What is ordinary: no fragment, no options, a TTL that can be lowered, no SYN of a client, no more bytes than the way out takes. It
 * tells the engine of those that may change a state (report.ts).
 */
import { Assembler } from '../assembler.js';
import { r0, r1, r2, r3, r4 } from '../operand.js';
import type { Program } from '../program.js';
import {
  account,
  address,
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
  type Misses,
  packet,
  SLOW,
  tcp4,
  tcp6,
  udp4,
  udp6,
  way,
} from './common.js';
import { FLOW_ACTIONS, LEASE, RESOLVED } from './flow-maps.js';
import {
  ETH_HLEN,
  ETH_P_IP,
  ETH_P_IPV6,
  ETHERNET,
  htons,
  IPPROTO_TCP,
  IPV4,
  IPV6,
  REDIR_NEIGH,
  SK_BUFF,
  TCP,
} from './headers.js';
import { missesOf, openConnection, openingFrame } from './opening.js';
import { report } from './report.js';
import { nat, updateSum } from './tc-nat.js';
import { checkTunnel, tcTunnel } from './tc-tunnel.js';
import { encapsulate } from './tunnel.js';
import { DROP } from './tunnel-shim.js';

/** The next program, or the kernel's own way, has the packet. */
const TC_ACT_UNSPEC = -1;
const TC_ACT_SHOT = 2;

/** The frame is addressed to this host. */
const PACKET_HOST = 0;

/** How the two families differ. */
interface FamilyParts {
  readonly version: 4 | 6;
  readonly header: number;
  readonly tcp: typeof tcp4;
  readonly udp: typeof udp4;
}

const V4: FamilyParts = { version: 4, header: IPV4.size, tcp: tcp4, udp: udp4 };
const V6: FamilyParts = { version: 6, header: IPV6.size, tcp: tcp6, udp: udp6 };

/**
 * Its maps are those of flow-maps.ts, and where it `opens` connections those of opening-maps.ts.
 * @param opens it opens connections by itself (opening.ts); Linux 5.12.
 */
export function tcProgram({ opens = false } = {}): Program {
  const a = new Assembler('ipvsd_tc');
  const f = frame(a);
  const misses = (version: 4 | 6): Misses | undefined => (opens ? missesOf(version) : undefined);
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
  findFlow4(a, f, r3, r4, 'all', misses(4));
  forward(a, f, V4);
  a.label('ipv6');
  findFlow6(a, f, r3, r4, 'all', misses(6));
  forward(a, f, V6);
  if (opens) {
    const o = openingFrame(a);
    for (const version of [4, 6] as const) openConnection(a, f, o, version);
  }
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
  nat(a, f, family.version);
  a.jump(`send.${v}`);
  a.label(`tunnel.${v}`);
  checkTunnel(a, f, family.version);
  report(a, f, family.version);
  lowerTtl(a, family.version);
  encapsulate(a, f, family.version, `send.${v}`, tcTunnel);
  a.label(`direct.${v}`);
  report(a, f, family.version);
  lowerTtl(a, family.version);
  a.label(`send.${v}`);
  account(a, f, `counted.${v}`);
  redirect(a, v);
}

/** All that is done to a packet whose addresses stay. */
function lowerTtl(a: Assembler, version: 4 | 6): void {
  if (version === 4) decrementTtl4(a);
  else decrementTtl6(a);
  updateSum(a, version, false);
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
 * Sends the packet to the way's next hop: as a whole frame where its hardware address is known to be right, else the kernel looks it up. The frame goes to the
 * peer's ingress at once where it may: of what a veth takes off on the way there, a mark and a priority are left to be taken off here.
 */
function redirect(a: Assembler, version: string): void {
  const [neighbour, peer] = [`neighbour.${version}`, `peer.${version}`];
  const skb = SK_BUFF.at(ctx);
  const lease = LEASE.at(r2);
  a.movMapValue(r2, 'lease').load(r2, lease.until);
  a.load(r1, inFlow.lastUsed).jumpIf(r1, '>', r2, neighbour);
  a.load(r3, inWay.resolved).jumpIf(r3, '==', 0, neighbour);
  address(a);
  a.load(r1, inWay.ifindex).mov(r2, 0).jumpIf(r3, '==', RESOLVED.peer, peer).call('redirect').exit();
  a.label(peer).store(skb.mark, r2).store(skb.priority, r2).call('redirect_peer').exit();
  a.label(neighbour);
  a.load(r1, inWay.ifindex).mov(r2, way).mov(r3, REDIR_NEIGH.size).mov(r4, 0).call('redirect_neigh').exit();
}
