/** Packet headers and the contexts of programs, as records. */
import { be16, be32, bytes, record, sparseRecord, u8, u32 } from '../record.js';

export const ETHERNET = record('ethernet', { destination: bytes(6), source: bytes(6), type: be16 });

/** RFC 791. */
export const IPV4 = record('ipv4', {
  versionIhl: u8,
  tos: u8,
  totalLength: be16,
  id: be16,
  fragment: be16,
  ttl: u8,
  protocol: u8,
  checksum: be16,
  source: be32,
  destination: be32,
});

/** RFC 8200. */
export const IPV6 = record('ipv6', {
  versionClassFlow: be32,
  payloadLength: be16,
  nextHeader: u8,
  hopLimit: u8,
  source: bytes(16),
  destination: bytes(16),
});

/** RFC 9293, as far as programs look at it. */
export const TCP = sparseRecord('tcp', 20, {
  ports: [0, be32],
  source: [0, be16],
  destination: [2, be16],
  dataOffset: [12, u8],
  flags: [13, u8],
  checksum: [16, be16],
});

/** RFC 768. */
export const UDP = sparseRecord('udp', 8, {
  ports: [0, be32],
  source: [0, be16],
  destination: [2, be16],
  length: [4, be16],
  checksum: [6, be16],
});

/** RFC 9260, the common header and that of the first chunk, as far as programs look at them. */
export const SCTP = sparseRecord('sctp', 16, { chunkType: [12, u8] });

/** GUE without options, behind a UDP header. */
export const GUE = record('gue', { control: u8, protocol: u8, flags: be16 });

/** RFC 2784; the checksum and what follows it only where `flags` says so. */
export const GRE = record('gre', { flags: be16, type: be16, checksum: be16, reserved: be16 });

/** `struct __sk_buff`: context of tc programs, as far as it is used. */
export const SK_BUFF = sparseRecord('skb', 192, {
  len: [0, u32],
  pktType: [4, u32],
  mark: [8, u32],
  protocol: [16, u32],
  vlanPresent: [20, u32],
  priority: [32, u32],
  ingressIfindex: [36, u32],
  ifindex: [40, u32],
  data: [76, u32],
  dataEnd: [80, u32],
  gsoSize: [176, u32],
});

/** `struct xdp_md`: context of XDP programs. */
export const XDP_MD = record('xdp', {
  data: u32,
  dataEnd: u32,
  dataMeta: u32,
  ingressIfindex: u32,
  rxQueueIndex: u32,
  egressIfindex: u32,
});

/** `struct bpf_redir_neigh`, and its size. */
export const REDIR_NEIGH = record('neighbour', { family: u32, nextHop: bytes(16, 4) });

export const ETH_HLEN = 14;
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_GRE = 47;
export const IPPROTO_SCTP = 132;

/** A 16-bit number of a packet as a load finds it in a register. */
export function htons(value: number): number {
  return ((value & 255) << 8) | (value >>> 8);
}
