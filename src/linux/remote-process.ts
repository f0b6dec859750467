/** Another process: its memory, its descriptors, its privileges. */
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { LITTLE } from '../wire/netlink.js';
import { checked, lastErrno, SystemError } from './errno.js';
import { closeFd } from './fd.js';
import { addressOf, libc, Memory, stableBytes } from './libc.js';
import { syscallTable } from './syscalls.js';

const EFAULT = 14;
const PAGE = 4096;
/** Bytes of `struct iovec`: address u64, length u64. */
const IOVEC = 16;
const CAPABILITY_VERSION_3 = 0x20080522;
const CAP_NET_ADMIN = 12;

const iovecs = new Memory(3 * IOVEC);
const iovecView = new DataView(iovecs.bytes.buffer);
const REMOTE = iovecs.address + IOVEC;

function setIovec(i: number, address: number, length: number): void {
  iovecView.setBigUint64(IOVEC * i, BigInt(address), LITTLE);
  iovecView.setBigUint64(IOVEC * i + 8, BigInt(length), LITTLE);
}

/** Describes `length` bytes at `address` of the other process. @returns in how many pieces */
function setRemote(address: number, length: number): number {
  // one piece that is not all there would not be read at all; what lies before the end of a page is there or not
  const first = Math.min(length, PAGE - (address % PAGE));
  setIovec(1, address, first);
  setIovec(2, address + first, length - first);
  return first === length ? 1 : 2;
}

/**
 * Reads memory of process or thread `pid` to `to.bytes`, as far as there is any.
 * @returns how many bytes were read; -1 when none can be.
 */
export function peek(pid: number, address: number, to: Memory, length: number): number {
  setIovec(0, to.address, length);
  return libc.process_vm_readv(pid, iovecs.address, 1, REMOTE, setRemote(address, length), 0);
}

/** Memory of process or thread `pid`. @throws SystemError with EFAULT when not all is there */
export function readMemory(pid: number, address: number, length: number): Uint8Array {
  const bytes = stableBytes(length);
  if (length > 0) copy(libc.process_vm_readv, pid, address, bytes);
  return bytes;
}

/** Writes to memory of process or thread `pid`. @throws SystemError with EFAULT when not all could be written */
export function writeMemory(pid: number, address: number, bytes: Uint8Array): void {
  const stable = stableBytes(bytes.length);
  stable.set(bytes);
  if (bytes.length > 0) copy(libc.process_vm_writev, pid, address, stable);
}

function copy(how: typeof libc.process_vm_readv, pid: number, address: number, bytes: Uint8Array): void {
  setIovec(0, addressOf(bytes), bytes.length);
  const n = how(pid, iovecs.address, 1, REMOTE, setRemote(address, bytes.length), 0);
  if (n < 0) throw new SystemError('process_vm_readv', lastErrno());
  if (n < bytes.length) throw new SystemError('process_vm_readv', EFAULT);
}

/**
 * A duplicate of descriptor `fd` of thread `tid`'s process, close-on-exec.
 * @throws SystemError.
 */
export function takeFd(tid: number, fd: number): number {
  const { pidfd_open, pidfd_getfd } = syscallTable()!.numbers;
  let pidfd = libc.syscall(pidfd_open!, tid, 0, 0);
  // only a process has such a descriptor, not each of its threads
  if (pidfd < 0) pidfd = checked(libc.syscall(pidfd_open!, processOf(tid), 0, 0), 'pidfd_open');
  try {
    return checked(libc.syscall(pidfd_getfd!, pidfd, fd, 0), 'pidfd_getfd');
  } finally {
    closeFd(pidfd);
  }
}

function processOf(tid: number): number {
  const status = readFileSync(`/proc/${tid}/status`, 'latin1');
  return Number(/^Tgid:\s*(\d+)/m.exec(status)?.[1] ?? tid);
}

/** Whether thread `tid` has a descriptor `fd`. */
export function hasFd(tid: number, fd: number): boolean {
  return lstatSync(`/proc/${tid}/fd/${fd}`, { throwIfNoEntry: false }) !== undefined;
}

const capabilityHeader = new Memory(8);
const capabilityHeaderView = new DataView(capabilityHeader.bytes.buffer);
const capabilityData = new Memory(24);
const capabilityDataView = new DataView(capabilityData.bytes.buffer);
const userNamespace = statSync('/proc/self/ns/user').ino;

/** Whether thread `tid` may configure the network: it has CAP_NET_ADMIN in our user namespace, not only in one of its own. */
export function isNetAdmin(tid: number): boolean {
  capabilityHeaderView.setUint32(0, CAPABILITY_VERSION_3, LITTLE);
  capabilityHeaderView.setUint32(4, tid, LITTLE);
  if (libc.capget(capabilityHeader.address, capabilityData.address) !== 0) return false;
  const effective = capabilityDataView.getUint32(0, LITTLE);
  if ((effective & (1 << CAP_NET_ADMIN)) === 0) return false;
  return statSync(`/proc/${tid}/ns/user`, { throwIfNoEntry: false })?.ino === userNamespace;
}
