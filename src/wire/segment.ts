/**
 * Software segmentation of large TCP and UDP packets (`tcp_gso_segment`, `udp4_gso_segment`), for a way out that has no
 * hardware for it. The work is done inside the packet's own buffer: each segment's headers are written right before its payload,
 * over what the segment before it no longer needs. Nothing is allocated.
 */
