/**
 * The XDP program: in front of tc, it sends on the ordinary packets of connections whose way out has known hardware addresses. Everything else passes
 * to the kernel, and so to tc.
 */
import { Assembler } from '../assembler.js';
import { part, r0, r1, r2, r3, r4, r10 } from '../operand.js';
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
  packet,
  SLOW,
} from './common.js';
import { FLOW_ACTIONS, FLOW_REPORTS, LINK } from './flow-maps.js';
import { ETH_HLEN, ETH_P_IP, ETH_P_IPV6, ETHERNET, htons, XDP_MD } from './headers.js';
import { unlessDue } from './report.js';
import { rewriteWhole, unlessWhole } from './rewrite.js';
import { checkSummed, encapsulate } from './tunnel.js';
import { DROP } from './tunnel-shim.js';
import { xdpTunnel } from './xdp-tunnel.js';

const XDP_DROP = 1;
const XDP_PASS = 2;

/** Its maps are those of flow-maps.ts. */
export function xdpProgram(): Program {
  const a = new Assembler('ipvsd_xdp');
  const f = frame(a);
  const xdp = XDP_MD.at(ctx);
  const ethernet = ETHERNET.at(packet);
  a.mov(ctx, r1).load(packet, xdp.data).load(r3, xdp.dataEnd);
  a.needBytes(packet, ETHERNET.size, r3, r1, SLOW);
  forUs(a, f);
  a.load(r3, xdp.dataEnd).mov(r4, r3).sub(r4, packet).sub(r4, ETH_HLEN);
  a.load(r1, ethernet.type)
    .jumpIf(r1, '==', htons(ETH_P_IPV6), 'ipv6')
    .jumpIf(r1, '!=', htons(ETH_P_IP), SLOW);
  findFlow4(a, f, r3, r4, 'plain');
  forward(a, f, 4);
  a.label('ipv6');
  findFlow6(a, f, r3, r4, 'plain');
  forward(a, f, 6);
  a.label(SLOW).mov(r0, XDP_PASS).exit();
  a.label(DROP).mov(r0, XDP_DROP).exit();
  return a.finish();
}

/** The frame is for the interface that it came in by, and packets are taken there. */
function forUs(a: Assembler, { locals }: Frame): void {
  const link = LINK.at(r0);
  const { destination } = ETHERNET.at(packet);
  a.load(r1, XDP_MD.at(ctx).ingressIfindex).store(locals.link, r1);
  a.movMap(r1, 'links')
    .mov(r2, r10)
    .add(r2, locals.link.offset)
    .call('map_lookup_elem')
    .jumpIf(r0, '==', 0, SLOW);
  a.load(r1, link.active).jumpIf(r1, '==', 0, SLOW);
  for (const [at, size] of [
    [0, 4],
    [4, 2],
  ] as const) {
    a.load(r1, part(link.address, at, size))
      .load(r2, part(destination, at, size))
      .jumpIf(r1, '!=', r2, SLOW);
  }
}

/** Everything behind the look-up. */
function forward(a: Assembler, f: Frame, version: 4 | 6): void {
  const direct = `direct.v${version}`;
  const tunnel = `tunnel.v${version}`;
  const send = `send.v${version}`;
  toBeReported(a);
  a.load(r1, inWay.xdp).jumpIf(r1, '==', 0, SLOW);
  a.load(r1, f.locals.length).load(r2, inWay.mtu).jumpIf(r1, '>', r2, SLOW);
  const { dataEnd } = XDP_MD.at(ctx);
  // only tc can tell the next device of a checksum that is still to be completed: those packets are left to it
  a.load(r0, inFlow.action)
    .jumpIf(r0, '==', FLOW_ACTIONS.direct, direct)
    .jumpIf(r0, '==', FLOW_ACTIONS.tunnel, tunnel)
    .jumpIf(r0, '>', FLOW_ACTIONS.natReply, SLOW);
  rewriteWhole(a, f, version, dataEnd, SLOW);
  a.jump(send);
  a.label(tunnel);
  unlessWhole(a, f, version, dataEnd, SLOW);
  checkSummed(a, f, version);
  lowerTtl(a, version);
  encapsulate(a, f, version, send, xdpTunnel);
  a.label(direct);
  unlessWhole(a, f, version, dataEnd, SLOW);
  lowerTtl(a, version);
  a.label(send);
  address(a);
  account(a, f, `counted.v${version}`, true);
  // XDP_TX, back where it came from, wakes the other end of a veth only when that runs a program too
  a.load(r1, inWay.ifindex).mov(r2, 0).call('redirect').exit();
}

/** Leaves packets to tc that are to be reported. */
function toBeReported(a: Assembler): void {
  const none = a.newLabel('report.none');
  a.load(r1, inFlow.report).jumpIf(r1, '==', 0, none);
  a.jumpIf(r1, '&', FLOW_REPORTS.next | FLOW_REPORTS.later, SLOW);
  unlessDue(a, none);
  a.jump(SLOW);
  a.label(none);
}

/** All that is done to a packet whose addresses stay. */
function lowerTtl(a: Assembler, version: 4 | 6): void {
  if (version === 4) decrementTtl4(a);
  else decrementTtl6(a);
}
