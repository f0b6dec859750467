/** Flag bits and small numbers of the kernel's interface (`include/uapi/linux/ip_vs.h`). */

/** Forwarding method: the low three bits of a connection's flags. */
export const CONN_F_FWD_MASK = 0x0007;
export const CONN_F_MASQ = 0;
export const CONN_F_LOCALNODE = 1;
export const CONN_F_TUNNEL = 2;
export const CONN_F_DROUTE = 3;
export const CONN_F_BYPASS = 4;
/** Created by the sync daemon. */
export const CONN_F_SYNC = 0x0020;
export const CONN_F_HASHED = 0x0040;
/** Replies do not pass here. */
export const CONN_F_NOOUTPUT = 0x0080;
/** Not counted as active. */
export const CONN_F_INACTIVE = 0x0100;
export const CONN_F_OUT_SEQ = 0x0200;
export const CONN_F_IN_SEQ = 0x0400;
export const CONN_F_SEQ_MASK = 0x0600;
/** The client's port is not known yet (FTP data). */
export const CONN_F_NO_CPORT = 0x0800;
/** Persistence template. */
export const CONN_F_TEMPLATE = 0x1000;
/** One-packet scheduling: never hashed, gone after its packet. */
export const CONN_F_ONE_PACKET = 0x2000;
/** Connection tracking sees it. */
export const CONN_F_NFCT = 0x10000;
/** Bound to an application; the kernel has `cp->app` for that. */
export const CONN_F_APP = 0x20000;
/** The fast path carries its packets. */
export const CONN_F_CARRIED = 0x40000;
/** The fast path could not take it, and is not to try again. */
export const CONN_F_NOT_CARRIED = 0x80000;
/** What a connection inherits of its dest. */
export const CONN_F_DEST_MASK = CONN_F_FWD_MASK | CONN_F_ONE_PACKET | CONN_F_NFCT;
/** What a sync message may set when it creates a connection. */
export const CONN_F_BACKUP_MASK =
  CONN_F_FWD_MASK | CONN_F_NOOUTPUT | CONN_F_INACTIVE | CONN_F_SEQ_MASK | CONN_F_NO_CPORT | CONN_F_TEMPLATE;
/** What a sync message may change of a connection it finds. */
export const CONN_F_BACKUP_UPD_MASK = CONN_F_INACTIVE | CONN_F_SEQ_MASK;

export const SVC_F_PERSISTENT = 0x01;
export const SVC_F_HASHED = 0x02;
export const SVC_F_ONEPACKET = 0x04;
export const SVC_F_SCHED1 = 0x08;
export const SVC_F_SCHED2 = 0x10;
export const SVC_F_SCHED3 = 0x20;
export const SVC_F_SCHED_SH_FALLBACK = SVC_F_SCHED1;
export const SVC_F_SCHED_SH_PORT = SVC_F_SCHED2;
export const SVC_F_SCHED_MH_FALLBACK = SVC_F_SCHED1;
export const SVC_F_SCHED_MH_PORT = SVC_F_SCHED2;

export const DEST_F_AVAILABLE = 0x0001;
export const DEST_F_OVERLOAD = 0x0002;

/** Tunnel types. */
export const TUNNEL_TYPE_IPIP = 0;
export const TUNNEL_TYPE_GUE = 1;
export const TUNNEL_TYPE_GRE = 2;
export const TUNNEL_ENCAP_FLAG_NOCSUM = 0;
export const TUNNEL_ENCAP_FLAG_CSUM = 1;
export const TUNNEL_ENCAP_FLAG_REMCSUM = 2;

export const IPPROTO_IP = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_ESP = 50;
export const IPPROTO_AH = 51;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_SCTP = 132;
