/** What can carry established connections: the kernel, by tc, where it can (`auto`) or must (`tc`); or nothing but the engine. */
export const FAST_PATHS = ['auto', 'tc', 'none'] as const;
export type FastPathName = (typeof FAST_PATHS)[number];

/**
 * Where XDP carries packets in front of tc: at network cards whose drivers have it (`auto`); in all drivers that have it, also of veth (`native`); in the kernel's
 * general code (`generic`); nowhere.
 */
export const XDP_CHOICES = ['auto', 'native', 'generic', 'none'] as const;
export type XdpName = (typeof XDP_CHOICES)[number];

/** Where tc hands packets over to the other end of a veth: where nobody would miss them on the way (`auto`); nowhere. */
export const PEER_CHOICES = ['auto', 'none'] as const;
export type PeerName = (typeof PEER_CHOICES)[number];
