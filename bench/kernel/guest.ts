/** A machine in QEMU whose clock counts instructions: one guest nanosecond is one instruction, and idle time is skipped. Needs no KVM. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestKernel } from './debian-kernel.js';
import { initramfs } from './initramfs.js';

const MEMORY = '3G';
/** One step of `rep movsb` counts as an instruction here: as the kernel is told that there is no fast one, it uses others. */
const CPU = 'max,erms=off,fsrm=off';
const KERNEL_LINE = 'console=ttyS0 quiet loglevel=4 panic=-1 net.ifnames=0 random.trust_cpu=on nokaslr';
/** How often what the guest prints is looked for, ms. */
const GLANCE = 500;

/**
 * Boots `kernel` with this machine's files, read-only to it, and runs one line of shell in it, which may leave files in /out.
 * @param limit seconds of real time. @param print is given what it prints. @param take reads what it left, from the folder that is /out.
 * @throws when it ended badly, with the end of the kernel's messages.
 */
export async function runInGuest<T>(
  kernel: GuestKernel,
  command: string,
  { limit, print, signal }: { limit: number; print: (text: string) => void; signal: AbortSignal },
  take: (folder: string) => T,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-bench-kernel-'));
  let child: ChildProcess | undefined;
  try {
    writeFileSync(join(folder, 'initrd'), initramfs(kernel, command));
    child = boot(kernel, folder);
    const timer = setTimeout(() => child?.kill('SIGKILL'), limit * 1000);
    await follow(child, join(folder, 'output'), print, signal).finally(() => clearTimeout(timer));
    const status = contents(join(folder, 'status')).trim();
    if (status !== '0')
      throw new Error(
        `the guest ended with ${status || 'nothing'}:\n${contents(join(folder, 'console')).slice(-3000)}`,
      );
    return take(folder);
  } finally {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function boot({ image }: GuestKernel, folder: string): ChildProcess {
  const share = (id: string, path: string, mode: string): string[] => [
    ...['-fsdev', `local,id=${id},path=${path},security_model=none,multidevs=remap${mode}`],
    ...['-device', `virtio-9p-pci,fsdev=${id},mount_tag=${id}`],
  ];
  return spawn(
    'qemu-system-x86_64',
    [
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-m', MEMORY, '-smp', '1'],
      ...['-cpu', CPU, '-accel', 'tcg', '-icount', 'shift=0,sleep=off'],
      ...['-kernel', image, '-initrd', join(folder, 'initrd'), '-append', KERNEL_LINE],
      ...['-serial', `file:${join(folder, 'console')}`, '-device', 'virtio-rng-pci'],
      ...share('host', '/', ',readonly=on'),
      ...share('out', folder, ''),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
}

/** Hands on what the guest writes to `file` until it ends. */
async function follow(
  child: ChildProcess,
  file: string,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let shown = 0;
  const show = (): void => {
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= shown) return;
    const bytes = readFileSync(file);
    print(bytes.toString('utf8', shown));
    shown = bytes.length;
  };
  const gone = once(child, 'exit');
  while (child.exitCode === null && child.signalCode === null) {
    signal.throwIfAborted();
    await Promise.race([gone, sleep(GLANCE)]);
    show();
  }
}

function contents(file: string): string {
  return statSync(file, { throwIfNoEntry: false }) === undefined ? '' : readFileSync(file, 'utf8');
}
