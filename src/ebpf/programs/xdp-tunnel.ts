/** Tunnels in the XDP program: the packet grows at its front, and its Ethernet header is written anew. */
import { r0, r1, r2 } from '../operand.js';
import { ctx, packet } from './common.js';
import { ETH_P_IP, ETH_P_IPV6, ETHERNET, htons, XDP_MD } from './headers.js';
import type { TunnelContext } from './tunnel.js';
import { DROP } from './tunnel-shim.js';

/** The packet of an XDP program. */
export const xdpTunnel: TunnelContext = {
  data: XDP_MD.at(ctx).data,
  dataEnd: XDP_MD.at(ctx).dataEnd,
  grow(a, _outer, length) {
    a.mov(r2, length).neg(r2).mov(r1, ctx).call('xdp_adjust_head').jumpIf(r0, '!=', 0, DROP);
  },
  reached(a, outer) {
    a.store(ETHERNET.at(packet).type, htons(outer === 4 ? ETH_P_IP : ETH_P_IPV6));
  },
};
