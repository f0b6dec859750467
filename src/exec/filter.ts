/** Which system calls of a program come to the supervisor. All others are not even looked at: the kernel knows that the filter never stops them. */
import { GET_RANGE } from '../control/sockopt/get.js';
import { SET_RANGE } from '../control/sockopt/set.js';
import { ClassicBpf } from '../linux/classic-bpf.js';
import { SECCOMP_DATA, SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF } from '../linux/seccomp.js';
import type { SyscallName, SyscallTable } from '../linux/syscalls.js';
import { LITTLE } from '../wire/netlink.js';
import { FD_BASE, FD_END, FD_RECEIVE } from './reserved-fds.js';

const AF_NETLINK = 16;
const NETLINK_GENERIC = 16;
const IPPROTO_IP = 0;
const AT_FDCWD = -100 >>> 0;
const AT_EMPTY_PATH = 0x1000;

/** Offset of the lower half of argument `i`. */
function argument(i: number): number {
  return SECCOMP_DATA.args + 8 * i + (LITTLE ? 0 : 4);
}

/** How the calls are looked at, by the label of the code that does it: those first that must cost nothing. */
const CALLS: Readonly<Record<string, readonly SyscallName[]>> = {
  send: ['write', 'sendmsg', 'sendto'],
  receive: ['recvmsg', 'recvfrom'],
  setOption: ['setsockopt'],
  getOption: ['getsockopt'],
  socket: ['socket'],
  // named by path, which a filter cannot read
  notify: ['open', 'stat', 'lstat', 'access', 'readlink', 'execve'],
  pathAt: ['openat', 'openat2', 'faccessat', 'faccessat2', 'readlinkat', 'execveat'],
  statAt: ['newfstatat'],
  statxAt: ['statx'],
};

/** The filter for a machine. */
export function execFilter({ arch, numbers }: SyscallTable): Uint8Array {
  const filter = new ClassicBpf().load(SECCOMP_DATA.arch).ifEqual(arch, 'known').ret(SECCOMP_RET_ALLOW);
  filter.label('known').load(SECCOMP_DATA.nr);
  for (const [label, names] of Object.entries(CALLS)) {
    for (const name of names) {
      const number = numbers[name];
      if (number !== undefined) filter.ifEqual(number, label);
    }
  }
  filter.ret(SECCOMP_RET_ALLOW);

  // on descriptors that we have given out, and those are known by their numbers
  const within = (label: string, first: number): void => {
    filter.label(label).load(argument(0)).ifAtLeast(FD_END, 'allow').ifAtLeast(first, 'notify');
    filter.ret(SECCOMP_RET_ALLOW);
  };
  within('send', FD_BASE);
  within('receive', FD_RECEIVE);

  filter.label('socket').load(argument(0)).ifEqual(AF_NETLINK, 'netlink').ret(SECCOMP_RET_ALLOW);
  filter.label('netlink').load(argument(2)).ifEqual(NETLINK_GENERIC, 'notify').ret(SECCOMP_RET_ALLOW);

  for (const [label, [first, last]] of [
    ['setOption', SET_RANGE],
    ['getOption', GET_RANGE],
  ] as const) {
    filter.label(label).load(argument(1)).ifEqual(IPPROTO_IP, `${label}Ip`).ret(SECCOMP_RET_ALLOW);
    filter
      .label(`${label}Ip`)
      .load(argument(2))
      .ifAtLeast(last + 1, 'allow')
      .ifAtLeast(first, 'notify')
      .ret(SECCOMP_RET_ALLOW);
  }

  // fstat(2) of newer C libraries: the descriptor alone, without a path
  filter.label('statAt').load(argument(3)).ifAny(AT_EMPTY_PATH, 'allow').goto('pathAt');
  filter.label('statxAt').load(argument(2)).ifAny(AT_EMPTY_PATH, 'allow').goto('pathAt');
  filter.label('pathAt').load(argument(0)).ifEqual(AT_FDCWD, 'notify');
  filter.label('allow').ret(SECCOMP_RET_ALLOW);
  filter.label('notify').ret(SECCOMP_RET_USER_NOTIF);
  return filter.assemble();
}
