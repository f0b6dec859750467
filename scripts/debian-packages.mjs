/** Debian packages, by what needs them. Each is named by itself, not by what it brings along. */

const namespaces = ['iproute2', 'procps', 'curl', 'nginx-light'];

const recorder = ['user-mode-linux', 'kmod', 'ipvsadm', 'iproute2', 'busybox', 'gcc', 'libc6-dev'];

export const DEBIAN_PACKAGES = {
  test: [...new Set([...namespaces, 'iperf3', 'wrk', 'socat', 'openssl', 'keepalived', ...recorder])],
  demo: ['iproute2', 'procps'],
  bench: [...namespaces, 'ethtool', 'iperf3', 'nftables', 'haproxy', 'apache2-utils'],
  // what is in the guest is this machine's; its kernel is downloaded, not installed
  benchKernel: [
    'qemu-system-x86',
    'kmod',
    'xz-utils',
    'iproute2',
    'procps',
    'ethtool',
    'nftables',
    'ipvsadm',
  ],
  record: recorder,
};
