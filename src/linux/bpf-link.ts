/** BPF links: a program at its place. It is detached when the last descriptor of its link is closed, unless the link is pinned. */
import { BPF_LINK_CREATE, BPF_LINK_UPDATE, BpfObject, bpf, bpfChecked } from './bpf.js';
import type { BpfProgram } from './bpf-program.js';

const BPF_TCX_INGRESS = 46;
const BPF_XDP = 37;
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
