/** The first program of the guest. */
import { fileURLToPath } from 'node:url';

/** Kernel modules that scenarios need, loaded before the first: loading one later may wait for a leaked namespace. */
const MODULES =
  'veth ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_lblc ip_vs_lblcr ip_vs_dh ip_vs_sh ip_vs_sed ip_vs_nq ' +
  'ip_vs_fo ip_vs_ovf ip_vs_mh ip_vs_ftp ip_vs_pe_sip sch_ingress cls_matchall act_skbedit';
const PLAYER = fileURLToPath(new URL('./guest/main.js', import.meta.url));

/** Name of the file, in the run's folder, which the guest makes when its boot is over and virtual time may begin. */
export const BOOTED = 'booted';

/** The script. */
export function initScript(directory: string): string {
  return `${beginScript(directory, MODULES)}
echo 100000 > /proc/sys/net/ipv4/icmp_msgs_per_sec
echo 100000 > /proc/sys/net/ipv4/icmp_msgs_burst
sync
: > /run/record/${BOOTED}
sleep 0.2
'${process.execPath}' --single-threaded '${PLAYER}' /run/record > /run/record/player.log 2>&1
sync
busybox poweroff -f
`;
}

/**
 * How the first program of any guest begins. The guest's root is the host's, read-only; `directory`, a folder of the host, can be written as /run/record.
 * Debian keeps this kernel's modules where modprobe does not look, so it is told, and the kernel, which calls it as well.
 * @param modules to be loaded, words apart by blanks.
 */
export function beginScript(directory: string, modules: string): string {
  return `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /run
mkdir -p /run/record /run/root/lib
mount -t hostfs -o '${directory}' none /run/record
ln -s /usr/lib/uml/modules /run/root/lib/modules
printf '#!/bin/sh\\nexec /sbin/modprobe -d /run/root "$@"\\n' > /run/modprobe
chmod +x /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe
/run/modprobe -a ${modules}
# a listing must not ask name servers
: > /run/empty
mount --bind /run/empty /etc/resolv.conf
ip link set lo up`;
}
