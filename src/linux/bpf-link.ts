/** BPF links: a program at its place. It is detached when the last descriptor of its link is closed, unless the link is pinned. */
import {
  BPF_LINK_CREATE,
  BPF_LINK_UPDATE,
  BPF_PROG_QUERY,
  BpfObject,
  bpf,
  bpfChecked,
  bpfResult,
} from './bpf.js';
import type { BpfProgram } from './bpf-program.js';
import { EINVAL } from './errno.js';

const BPF_TCX_INGRESS = 46;
const BPF_TCX_EGRESS = 47;
const BPF_XDP = 37;
/** Where `BPF_PROG_QUERY` says how many programs there are. */
const QUERY_COUNT = 24;
/** How an XDP program runs: in the driver, or in the kernel's general code behind it. */
const XDP_FLAGS = { native: 4, generic: 2 } as const;
export type XdpMode = keyof typeof XDP_FLAGS;

/** A program at its place. */
export class BpfLink extends BpfObject {
  /** Puts another program of the same type in the first one's place, without a gap. */
  replace(program: BpfProgram): void {
    bpfChecked(
      bpf(BPF_LINK_UPDATE, 16, (a) => a.u32(0, this.fd).u32(4, program.fd)),
      `BPF_LINK_UPDATE, ${program.name}`,
    );
  }
}

/** Attaches a tc program to what comes in by an interface (TCX, Linux 6.6). @throws SYSTEM */
export function attachTcx(program: BpfProgram, ifindex: number): BpfLink {
  return attach(program, ifindex, BPF_TCX_INGRESS, 0);
}

/** True when programs see what goes out by an interface (TCX). @throws SYSTEM */
export function hasTcxEgress(ifindex: number): boolean {
  const result = bpf(BPF_PROG_QUERY, 64, (a) => a.u32(0, ifindex).u32(4, BPF_TCX_EGRESS));
  // before Linux 6.6
  if (result === -EINVAL) return false;
  bpfChecked(result, `BPF_PROG_QUERY, interface ${ifindex}`);
  return bpfResult(QUERY_COUNT) !== 0;
}

/** Attaches an XDP program (Linux 5.9). @throws SYSTEM, with EOPNOTSUPP where the driver has no native XDP, EBUSY where another one is. */
export function attachXdp(program: BpfProgram, ifindex: number, mode: XdpMode): BpfLink {
  return attach(program, ifindex, BPF_XDP, XDP_FLAGS[mode]);
}

function attach(program: BpfProgram, ifindex: number, type: number, flags: number): BpfLink {
  const result = bpf(BPF_LINK_CREATE, 48, (a) =>
    a.u32(0, program.fd).u32(4, ifindex).u32(8, type).u32(12, flags),
  );
  return new BpfLink(bpfChecked(result, `BPF_LINK_CREATE, ${program.name}, interface ${ifindex}`));
}
