/** Tunnels in the tc program: the kernel makes room, and is told for what, so that it can cut what is many segments in one. */
import type { Assembler } from '../assembler.js';
import { r0, r1, r2, r3, r4 } from '../operand.js';
import { ctx, type Frame, inWay, ip4, ip6, packet, SLOW } from './common.js';
import { TUNNEL_TYPES } from './flow-maps.js';
import { ETH_P_IP, ETH_P_IPV6, ETHERNET, htons, IPPROTO_TCP, SK_BUFF } from './headers.js';
import { checkSummed, type TunnelContext } from './tunnel.js';
import { DROP } from './tunnel-shim.js';

/** `BPF_ADJ_ROOM_MAC` makes room behind the Ethernet header; flags say for what, and that segments keep their size. */
const BPF_ADJ_ROOM_MAC = 1;
const BPF_F_ADJ_ROOM_FIXED_GSO = 1;
const BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 = 2;
const BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 = 4;
const BPF_F_ADJ_ROOM_ENCAP_L4_GRE = 8;
const BPF_F_ADJ_ROOM_ENCAP_L4_UDP = 16;

/**
 * Leaves what the kernel cannot put into a tunnel: segments other than TCP's, and those whose outer headers would want a checksum each. To come before the packet
 * is changed.
 */
export function checkTunnel(a: Assembler, f: Frame, version: 4 | 6): void {
  const whole = `tunnel.whole.v${version}`;
  a.load(r1, SK_BUFF.at(ctx).gsoSize).jumpIf(r1, '==', 0, whole);
  a.load(r1, version === 4 ? ip4.protocol : ip6.nextHeader).jumpIf(r1, '!=', IPPROTO_TCP, SLOW);
  a.load(r1, inWay.tunnelCsum).jumpIf(r1, '!=', 0, SLOW);
  a.label(whole);
  checkSummed(a, f, version);
}

/** The packet of a tc program. */
export const tcTunnel: TunnelContext = {
  data: SK_BUFF.at(ctx).data,
  dataEnd: SK_BUFF.at(ctx).dataEnd,
  grow(a, outer, length) {
    const ready = a.newLabel('tunnel.flags');
    const gre = a.newLabel('tunnel.flags.gre');
    const flags = r4;
    a.mov(r2, length);
    a.mov(
      flags,
      BPF_F_ADJ_ROOM_FIXED_GSO | (outer === 4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6),
    );
    a.load(r1, inWay.tunnelType)
      .jumpIf(r1, '==', TUNNEL_TYPES.ipip, ready)
      .jumpIf(r1, '==', TUNNEL_TYPES.gre, gre);
    a.or(flags, BPF_F_ADJ_ROOM_ENCAP_L4_UDP).jump(ready);
    a.label(gre).or(flags, BPF_F_ADJ_ROOM_ENCAP_L4_GRE);
    a.label(ready).mov(r1, ctx).mov(r3, BPF_ADJ_ROOM_MAC);
    a.call('skb_adjust_room').jumpIf(r0, '!=', 0, DROP);
  },
  // where the kernel makes the Ethernet header it goes by what it was told above
  reached(a, outer) {
    a.store(ETHERNET.at(packet).type, htons(outer === 4 ? ETH_P_IP : ETH_P_IPV6));
  },
  summed(a, sum) {
    a.mov(r1, ctx).mov(r2, sum).call('csum_update');
  },
};
