/**
 * `struct virtio_net_hdr`: what stands before each packet of a TUN device or packet socket with VNET_HDR. It carries checksums that are still
 * to be completed and TCP segments that are still to be cut. Linux reads and writes it in the machine's own byte order there.
 */
import { endianness } from 'node:os';
import { ipv4Version } from '../wire/ipv4.js';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, type Packet } from '../wire/packet.js';
import { tcpHeaderLength } from '../wire/tcp.js';

/** Bytes of the header itself (without `num_buffers`). */
export const VNET_HEADER = 10;
/** Bytes of the header on a TUN device: padded, so that the IP header is 4-aligned. */
export const TUN_VNET_HEADER = 12;

export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
export const VIRTIO_NET_HDR_F_DATA_VALID = 2;
export const VIRTIO_NET_HDR_GSO_NONE = 0;
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
export const VIRTIO_NET_HDR_GSO_ECN = 0x80;

const LITTLE = endianness() === 'LE';
/** The CWR bit of the TCP flags: GSO_ECN says that the first of the segments alone carries it (RFC 3168 6.1.2). */
const TCP_CWR = 0x80;

/** Takes the header at `at` over into the packet, whose `data` and `len` are set. Allocates nothing. */
export function readVnetHeader(p: Packet, at: number): void {
  const v = p.view;
  const flags = v.getUint8(at);
  p.gsoSize = v.getUint8(at + 1) === VIRTIO_NET_HDR_GSO_NONE ? 0 : v.getUint16(at + 4, LITTLE);
  if (flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
    p.ipSummed = CHECKSUM_PARTIAL;
    p.csumStart = v.getUint16(at + 6, LITTLE);
    p.csumOffset = v.getUint16(at + 8, LITTLE);
  } else {
    p.ipSummed = flags & VIRTIO_NET_HDR_F_DATA_VALID ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE;
  }
}

/**
 * Writes the packet's header at `at`.
 * @param link bytes of a link-layer header between the two: offsets count from its start.
 */
export function writeVnetHeader(p: Packet, at: number, link: number): void {
  const v = p.view;
  v.setUint32(at, 0);
  v.setUint32(at + 4, 0);
  v.setUint16(at + 8, 0);
  if (p.ipSummed !== CHECKSUM_PARTIAL) {
    if (p.ipSummed === CHECKSUM_UNNECESSARY) v.setUint8(at, VIRTIO_NET_HDR_F_DATA_VALID);
    return;
  }
  v.setUint8(at, VIRTIO_NET_HDR_F_NEEDS_CSUM);
  v.setUint16(at + 6, link + p.csumStart, LITTLE);
  v.setUint16(at + 8, p.csumOffset, LITTLE);
  if (p.gsoSize === 0) return;
  const tcp = p.data + p.csumStart;
  const type = ipv4Version(v, p.data) === 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
  v.setUint8(at + 1, v.getUint8(tcp + 13) & TCP_CWR ? type | VIRTIO_NET_HDR_GSO_ECN : type);
  v.setUint16(at + 2, link + p.csumStart + tcpHeaderLength(v, tcp), LITTLE);
  v.setUint16(at + 4, p.gsoSize, LITTLE);
}
