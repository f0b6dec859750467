/** The guest's first file system: enough to reach the host's. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type GuestKernel, moduleCode, moduleFiles } from './debian-kernel.js';

/** Needed before the host's files can be read. */
const MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const FILE = 0o100755;
const FOLDER = 0o040755;

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly data: Uint8Array;
}

/** @param command what the guest runs, a line of shell; `/out` is then the folder that the host gave. */
export function initramfs(kernel: GuestKernel, command: string): Buffer {
  const modules = moduleFiles(kernel, MODULES);
  const folder = (name: string): Entry => ({ name, mode: FOLDER, data: Buffer.alloc(0) });
  const file = (name: string, data: Uint8Array | string): Entry => ({
    name,
    mode: FILE,
    data: Buffer.from(data),
  });
  return cpio([
    ...['bin', 'm', 'proc', 'sys', 'dev', 'host', 'rw', 'root'].map(folder),
    file('bin/busybox', readFileSync(kernel.busybox)),
    ...modules.map((path, i) => file(`m/${i}-${basename(path)}`, moduleCode(path))),
    file('init', first(modules.map((path, i) => `${i}-${basename(path)}`))),
    file('second', second(kernel)),
    file('command', `#!/bin/sh\n${command}\n`),
  ]);
}

/** The host's files, read-only, under a layer of memory that takes what is written. */
function first(modules: readonly string[]): string {
  return `#!/bin/busybox sh
B=/bin/busybox
$B mount -t proc proc /proc; $B mount -t sysfs sys /sys; $B mount -t devtmpfs dev /dev
for m in ${modules.join(' ')}; do $B insmod /m/$m; done
$B mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 host /host || $B poweroff -f
$B mount -t tmpfs -o size=75% tmpfs /rw; $B mkdir /rw/upper /rw/work
$B mount -t overlay -o lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work overlay /root || $B poweroff -f
for d in proc sys dev; do $B mkdir -p /root/$d; $B mount --move /$d /root/$d; done
$B mkdir -p /root/run /root/.guest /root/out; $B mount -t tmpfs tmpfs /root/run; $B mount -t tmpfs tmpfs /root/.guest
$B cp /command /second /bin/busybox /root/.guest/
exec $B switch_root /root /.guest/busybox sh /.guest/second
`;
}

function second({ version, modules }: GuestKernel): string {
  return `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
B=/.guest/busybox
mkdir -p /dev/pts /dev/shm /run/lock /run/netns /lib/modules/${version}
$B mount -t devpts devpts /dev/pts; $B mount -t tmpfs tmpfs /dev/shm; ln -sf /proc/self/fd /dev/fd
$B mount -t bpf bpf /sys/fs/bpf
$B mount -o bind '${modules}' /lib/modules/${version}
$B mount -t 9p -o trans=virtio,version=9p2000.L,cache=none,msize=512000 out /out
$B ifconfig lo up
# modprobe asks nobody for the host's own kernel
$B setsid sh /.guest/command </dev/null >/out/output 2>&1
echo $? >/out/status
$B sync; $B poweroff -f
`;
}

/** The "new ASCII" format of cpio, which the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format). */
function cpio(entries: readonly Entry[]): Buffer {
  const pad = (length: number): Buffer => Buffer.alloc(-length & 3);
  const all = [...entries, { name: 'TRAILER!!!', mode: 0, data: new Uint8Array() }];
  const pieces = all.flatMap(({ name, mode, data }, i) => {
    const path = Buffer.from(`${name}\0`);
    const fields = [i + 1, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, path.length, 0];
    const head = Buffer.from(`070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}`);
    return [head, path, pad(head.length + path.length), data, pad(data.length)];
  });
  return Buffer.concat(pieces);
}
