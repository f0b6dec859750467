/** ICMP (RFC 792) and ICMPv6 (RFC 4443): the header of 8 bytes that all their messages share. */

export const ICMP_HEADER = 8;

export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
/** First of the queries and replies 13 to 18 (timestamp, information, address mask), none of which is an error. */
export const ICMP_TIMESTAMP = 13;
/** Last of them; the kernel's `NR_ICMP_TYPES`. */
export const ICMP_ADDRESSREPLY = 18;
/** Codes of `ICMP_DEST_UNREACH`. */
export const ICMP_HOST_UNREACH = 1;
export const ICMP_PORT_UNREACH = 3;
export const ICMP_FRAG_NEEDED = 4;

export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
/** Set in the type of every ICMPv6 message that is no error. */
export const ICMPV6_INFOMSG_MASK = 0x80;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
/** Codes of `ICMPV6_DEST_UNREACH`. */
export const ICMPV6_ADDR_UNREACH = 3;
export const ICMPV6_PORT_UNREACH = 4;
