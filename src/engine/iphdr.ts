/** `struct ip_vs_iphdr`: the fields of an IP header that the engine works with, for both families. */
import type { Family } from '../wire/inet.js';

/** Filled anew for each packet; one instance is reused. Addresses are host-order words as in `InetAddr`. */
export class IpHdr {
  family: Family = 2;
  /** Offset of this header from the packet's `data` (not 0 for the header inside an ICMP error). */
  off = 0;
  /** Offset of the transport header from the packet's `data`. */
  len = 0;
  protocol = 0;
  /** Fragment offset in bytes; not 0 means that there is no transport header. */
  fragoffs = 0;
  /** IPv6: there is a fragment header before the upper layer's (`IP6_FH_F_FRAG`). */
  fragment = false;
  /** The header is one inside an ICMP error, so source and destination are seen from the other side. */
  inverse = false;
  /** The packet is an ICMP error (`IP_VS_HDR_ICMP`). */
  icmp = false;
  readonly saddr = new Int32Array(4);
  readonly daddr = new Int32Array(4);
}
