/** What a machine offers, and what follows from it. */

/** One thing that was looked at. */
export interface Finding {
  /** A word that stays the same, e.g. `tun`. */
  readonly name: string;
  readonly ok: boolean;
  /** What it is for. */
  readonly purpose: string;
  /** What was found, or why it is missing. */
  readonly detail: string;
}

/** An interface, as far as the fast path is concerned. */
export interface InterfaceFinding {
  readonly name: string;
  readonly up: boolean;
  /** Frames have an Ethernet header: tc can carry packets that come in here. */
  readonly tc: boolean;
  /** XDP in the driver: `redirect` also sends to other interfaces, `unknown` is what kernels before 6.3 say. */
  readonly xdp: 'redirect' | 'basic' | 'no' | 'unknown';
  /** Why `--xdp auto` leaves the interface to tc; absent where it attaches XDP. */
  readonly withoutXdp?: string;
}

/** Who carries packets: `none` is control without packets. */
export type Tier = 'xdp' | 'tc' | 'tun' | 'none';

/** All of it. */
export interface Diagnosis {
  /** Release of the kernel. */
  readonly kernel: string;
  readonly arch: string;
  readonly findings: readonly Finding[];
  readonly interfaces: readonly InterfaceFinding[];
  readonly tier: Tier;
  /** What decides the tier. */
  readonly why: string;
}

/** The best tier that these findings allow, and what decides it. */
export function chooseTier(
  findings: readonly Finding[],
  interfaces: readonly InterfaceFinding[],
): { readonly tier: Tier; readonly why: string } {
  const find = (name: string): Finding | undefined => findings.find((finding) => finding.name === name);
  const missing = (name: string): boolean => find(name)?.ok !== true;
  if (missing('tun')) return { tier: 'none', why: `no TUN device: ${find('tun')?.detail}` };
  if (missing('packet')) return { tier: 'none', why: `no packet socket: ${find('packet')?.detail}` };
  if (missing('bpf')) return { tier: 'tun', why: `no BPF: ${find('bpf')?.detail}` };
  if (missing('tcx') && missing('clsact'))
    return { tier: 'tun', why: `no place for a tc program: ${find('clsact')?.detail}` };
  const place = missing('tcx') ? 'a tc filter' : 'TCX';
  const tc = `the tc program loads, and is attached by ${place}`;
  if (missing('xdp')) return { tier: 'tc', why: `${tc}; no XDP: ${find('xdp')?.detail}` };
  const cards = interfaces.filter(({ withoutXdp }) => withoutXdp === undefined).map(({ name }) => name);
  return cards.length === 0
    ? { tier: 'tc', why: `${tc}; XDP is not used at any interface` }
    : { tier: 'xdp', why: `${tc}; in front of it XDP, at ${cards.join(', ')}` };
}
