/**
 * The maps of the fast path. A flow is one direction of a connection: what the engine has decided for its packets. A way is how packets leave: it
 * stands for a real server, or for the next hop of answers, and many flows share one, so that a change of a route or a neighbour, and the end of a server,
 * are one write.
 */
import { be16, be32, bytes, record, u8, u16, u32, u64 } from '../record.js';

/** The packet of an IPv4 flow as it arrives. */
export const FLOW4_KEY = record('key', {
  source: be32,
  destination: be32,
  sourcePort: be16,
  destinationPort: be16,
  protocol: u32,
});

/** The packet of an IPv6 flow as it arrives. */
export const FLOW6_KEY = record('key', {
  source: bytes(16, 8),
  destination: bytes(16, 8),
  sourcePort: be16,
  destinationPort: be16,
  protocol: u32,
});

/** What is done with a flow's packets before they leave. */
export const FLOW_ACTIONS = {
  /** Only the TTL changes: direct routing. */
  direct: 0,
  /** The destination becomes the real server: NAT. */
  natRequest: 1,
  /** The source becomes the virtual service: NAT, the other way. */
  natReply: 2,
  /** An outer header is put in front of it. */
  tunnel: 3,
} as const;
export type FlowAction = keyof typeof FLOW_ACTIONS;

/** How an outer header holds what is inside it. */
export const TUNNEL_TYPES = { ipip: 0, gue: 1, gre: 2 } as const;
export type TunnelType = keyof typeof TUNNEL_TYPES;

/** Which ordinary packets of a flow are reported, as bits. */
export const FLOW_REPORTS = {
  /** The next one, whatever it is. The program clears it then. */
  next: 1,
  /** The one after it. */
  later: 2,
  /** Those with the numbers in the flow. Of answers: a change of the state is followed by a report of the client's next packet. */
  numbered: 4,
} as const;

/** A flow: a cache line. */
export const FLOW = record('flow', {
  packets: u64,
  /** CLOCK_MONOTONIC, ns, to the tick. */
  lastUsed: u64,
  /** Number of its way. */
  way: u32,
  /** Number of the counters that its packets add to. */
  counter: u32,
  /** Whatever the owner of the flow knows it by. */
  owner: u32,
  /** {@link FLOW_ACTIONS} */
  action: u8,
  /** {@link FLOW_REPORTS} */
  report: u8,
  /** NAT: the new port. Tunnel: the port that GUE is sent from. */
  port: be16,
  /** NAT: difference that the new address makes to a checksum; words as they are loaded, folded to 16 bits. */
  addressDelta: u16,
  /** NAT: difference that the new port makes, likewise. */
  portDelta: u16,
  /** Sum of the pseudo header but for its length, of the packet as it arrives; words as they are loaded, folded to 16 bits. */
  pseudoSum: u16,
  /** 1: the program itself has opened it, and `owner` is its number among those. */
  opened: u16,
  /** The kernel's jiffies at `lastUsed`, the low half: while they are the same, `lastUsed` is. */
  tick: u32,
  /** While packets are numbered: how many were carried before the one that is told of next, the low 16 bits, */
  tell: u16,
  /** and after how many more another one is; 0 for none. */
  period: u16,
  /** NAT: the new address; an IPv4 one has the first four bytes. */
  address: bytes(16, 4),
});

/** What is known of a way's hardware addresses. */
export const RESOLVED = {
  /** They are right. */
  link: 1,
  /** And the interface's peer, in another namespace, is who has them: tc hands packets over to it. */
  peer: 2,
} as const;

/** A way out. It begins with `struct bpf_redir_neigh`, which `bpf_redirect_neigh` is given. */
export const WAY = record('way', {
  /** AF_INET or AF_INET6: of the next hop. */
  family: u32,
  nextHop: bytes(16, 4),
  /** Interface; 0 while the way is closed: packets then take the slow path. */
  ifindex: u32,
  /** Largest packet, bytes, before anything is put in front of it. */
  mtu: u32,
  /** {@link RESOLVED}: programs write the hardware addresses on their own when they are right, tc while {@link LEASE} runs. */
  resolved: u16,
  /** 1 when XDP can send by the interface, too. */
  xdp: u16,
  /** Of the next hop. */
  destination: bytes(6, 4),
  /** Of our interface. */
  source: bytes(6),
  /** Outer header: sum of its addresses, words as they are loaded, folded to 16 bits. */
  tunnelSum: u32,
  /** 0x45 or 0x60: of the outer header; 0 where there is none. */
  tunnelVersion: u8,
  /** The outer header carries DF when the inner one does. */
  tunnelDf: u8,
  /** {@link TUNNEL_TYPES} */
  tunnelType: u8,
  /** 1: the GUE or GRE header has a checksum. */
  tunnelCsum: u8,
  /** GUE: the port that it is sent to. */
  tunnelPort: be16,
  tunnelSpare: u16,
  tunnelSource: bytes(16, 4),
  tunnelDestination: bytes(16, 4),
  /** Whatever the owner of the way knows it by. */
  owner: u32,
});

/** What the flows of one real server have carried in one direction, on one processor. */
export const COUNTER = record('counter', {
  packets: u64,
  /** IP bytes, as they arrive. */
  bytes: u64,
  /** Those of the packets that XDP has carried. */
  xdp: u64,
});

/** How long hardware addresses of ways are right without anybody having said so again. */
export const LEASE = record('lease', {
  /** CLOCK_MONOTONIC, ns. */
  until: u64,
});

/** An interface at which XDP takes packets, by its number. */
export const LINK = record('link', {
  /** Its hardware address: frames for others are left alone. */
  address: bytes(6),
  /** 1 where packets are taken. */
  active: u16,
});

/** A packet that was carried and may change the state of its connection. */
export const REPORT = record('report', {
  /** CLOCK_MONOTONIC, ns, to the tick. */
  time: u64,
  /** The flow's. */
  owner: u32,
  /** {@link FLOW_ACTIONS} */
  action: u8,
  /** Of TCP: FIN, SYN, RST and ACK. Of others: ACK. And {@link REPORT_DUE}. */
  flags: u8,
  /** The flow's. */
  opened: u16,
});

/** Among the flags of a report: the packet's number is one that is told of. */
export const REPORT_DUE = 0x80;

/** The ring buffer that {@link REPORT}s are left in. */
export const REPORTS = { name: 'ipvsd_reports', size: 1 << 22 } as const;

/** Names of the maps in programs. */
export const MAPS = {
  flows4: { name: 'ipvsd_flows4', type: 'hash', keySize: FLOW4_KEY.size, valueSize: FLOW.size },
  flows6: { name: 'ipvsd_flows6', type: 'hash', keySize: FLOW6_KEY.size, valueSize: FLOW.size },
  ways: { name: 'ipvsd_ways', type: 'array', keySize: 4, valueSize: WAY.size },
  lease: { name: 'ipvsd_lease', type: 'array', keySize: 4, valueSize: LEASE.size },
  links: { name: 'ipvsd_links', type: 'array', keySize: 4, valueSize: LINK.size },
  counters: { name: 'ipvsd_counters', type: 'percpuArray', keySize: 4, valueSize: COUNTER.size },
} as const;
