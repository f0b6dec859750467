/** Looks at the machine by trying things out: each is taken away again at once, and no packet is touched. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { arch, release } from 'node:os';
import { tcProgram } from '../../ebpf/programs/tc.js';
import { xdpProgram } from '../../ebpf/programs/xdp.js';
import { attachTcx, attachXdp } from '../../linux/bpf-link.js';
import type { BpfProgram } from '../../linux/bpf-program.js';
import { CAP_SYS_ADMIN, hasCapability } from '../../linux/capabilities.js';
import { checked } from '../../linux/errno.js';
import { closeFd } from '../../linux/fd.js';
import { libc } from '../../linux/libc.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { PacketSocket } from '../../linux/packet-socket.js';
import { ARPHRD_ETHER, ARPHRD_LOOPBACK, type Link, listLinks } from '../../linux/rt-link.js';
import { openRtnetlink } from '../../linux/rtnetlink.js';
import { readSysctlIfAny } from '../../linux/sysctl.js';
import { attachTcFilter, detachTcFilter, hasClsact, removeClsact } from '../../linux/tc-filter.js';
import { TunDevice } from '../../linux/tun.js';
import { NETDEV_XDP_ACT_BASIC, NETDEV_XDP_ACT_REDIRECT, xdpFeatures } from '../../linux/xdp-features.js';
import { loadProgram, openMaps } from '../fast/maps.js';
import { refusalOf } from '../fast/refusal.js';
import { chooseXdp } from '../fast/xdp-choice.js';
import { chooseTier, type Diagnosis, type Finding, type InterfaceFinding } from './diagnosis.js';

const AF_XDP = 44;
const SOCK_RAW_CLOEXEC = 0o2000003;
const PROBE_DEVICE = 'ipvsd-doctor';
/** No filter of anybody's has it. */
const PROBE_PRIORITY = 65_118;
const XDP_REDIRECT = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT;

/** Examines the network namespace of this thread. */
export function examine(): Diagnosis {
  const socket = openRtnetlink();
  try {
    const links = listLinks(socket);
    const findings = [
      probe('tun', 'carries all packets', () => {
        new TunDevice(PROBE_DEVICE).close();
        return 'a device can be made';
      }),
      probe('packet', 'carries packets of direct routing', () => {
        new PacketSocket().close();
        return 'a socket can be made';
      }),
      probe('proc_sys', 'forwarding, and what the TUN device lets in', () => {
        accessSync('/proc/sys/net/ipv4/ip_forward', constants.W_OK);
        return 'sysctls can be set';
      }),
      ...programs(socket, links),
      probe('af_xdp', 'not used yet', () => {
        closeFd(checked(libc.socket(AF_XDP, SOCK_RAW_CLOEXEC, 0), 'socket(AF_XDP)'));
        return 'a socket can be made';
      }),
      probe('ipip', 'for real servers behind tunnels; without it they run ipvsd decap', ipipDevice),
      probe('seccomp_user_notif', 'for programs that look for IPVS in the kernel', () => {
        const actions = readSysctlIfAny('kernel/seccomp/actions_avail') ?? '';
        if (!actions.includes('user_notif')) throw new Error(`the kernel has: ${actions || 'no seccomp'}`);
        return 'the kernel has it';
      }),
      probe('netns', 'for --netns', () => {
        if (!existsSync('/proc/self/ns/net')) throw new Error('no network namespaces');
        if (!hasCapability(CAP_SYS_ADMIN)) throw new Error('entering one needs CAP_SYS_ADMIN');
        return 'namespaces can be entered';
      }),
    ];
    const interfaces = describeInterfaces(links);
    return { kernel: release(), arch: arch(), findings, interfaces, ...chooseTier(findings, interfaces) };
  } finally {
    socket.close();
  }
}

/** Tries the programs and the places that they are attached to; the loopback interface passes everything on. */
function programs(socket: NetlinkSocket, links: readonly Link[]): Finding[] {
  const loopback = links.find(({ type }) => type === ARPHRD_LOOPBACK)?.index ?? 1;
  const undo: (() => void)[] = [];
  let tc: BpfProgram | undefined;
  let xdp: BpfProgram | undefined;
  const loaded = (program: BpfProgram | undefined): BpfProgram => {
    if (program === undefined) throw new Error('needs BPF');
    return program;
  };
  try {
    const bpf = probe('bpf', 'the kernel carries established connections', () => {
      const maps = openMaps({ flows: 1, ways: 1 });
      undo.push(...Object.values(maps).map((map) => () => map.close()));
      tc = loadProgram('tc', tcProgram(), maps);
      undo.push(() => tc!.close());
      xdp = loadProgram('xdp', xdpProgram(), maps);
      undo.push(() => xdp!.close());
      return 'the programs load';
    });
    const tcx = probe('tcx', 'where the tc program runs', () => {
      attachTcx(loaded(tc), loopback).close();
      return 'a program can be attached';
    });
    const clsact = probe('clsact', 'where the tc program runs on kernels before 6.6', () =>
      tryClsact(socket, loaded(tc), loopback),
    );
    const inFront = probe('xdp', 'in front of tc, at network cards', () => {
      attachXdp(loaded(xdp), loopback, 'generic').close();
      return 'a program can be attached';
    });
    return [bpf, tcx, clsact, inFront];
  } finally {
    for (const step of undo.reverse()) step();
  }
}

function tryClsact(socket: NetlinkSocket, program: BpfProgram, ifindex: number): string {
  const there = hasClsact(socket, ifindex);
  attachTcFilter(socket, program, { ifindex, priority: PROBE_PRIORITY });
  if (there) detachTcFilter(socket, { ifindex, priority: PROBE_PRIORITY });
  else removeClsact(socket, ifindex);
  return 'a filter can be attached';
}

/** Whether there is, or could be, an IPIP device; making one would leave the module's own device behind. */
function ipipDevice(): string {
  if (existsSync('/sys/module/ipip')) return 'the module is loaded';
  for (const list of ['modules.builtin', 'modules.dep']) {
    const path = `/lib/modules/${release()}/${list}`;
    if (existsSync(path) && /\/ipip\.ko/.test(readFileSync(path, 'utf8'))) return `in ${path}`;
  }
  throw new Error('the kernel has no module ipip');
}

function describeInterfaces(links: readonly Link[]): InterfaceFinding[] {
  const features = xdpFeatures();
  return links
    .filter(({ type }) => type !== ARPHRD_LOOPBACK)
    .map((link) => {
      const { index, name, up, type } = link;
      const choice = chooseXdp('auto', link, links, features?.get(index));
      const bits = features?.get(index) ?? 0;
      const driver =
        (bits & XDP_REDIRECT) === XDP_REDIRECT ? 'redirect' : bits & NETDEV_XDP_ACT_BASIC ? 'basic' : 'no';
      return {
        name,
        up,
        tc: type === ARPHRD_ETHER,
        xdp: features === undefined ? 'unknown' : driver,
        ...('why' in choice && { withoutXdp: choice.why }),
      };
    });
}

function probe(name: string, purpose: string, attempt: () => string): Finding {
  try {
    return { name, ok: true, purpose, detail: attempt() };
  } catch (error) {
    const reason = refusalOf(error);
    return { name, ok: false, purpose, detail: reason instanceof Error ? reason.message : String(reason) };
  }
}
