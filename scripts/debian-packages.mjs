/** Debian packages, by what needs them. Each is named by itself, not by what it brings along. */

const namespaces = ['iproute2', 'curl', 'nginx-light'];

export const DEBIAN_PACKAGES = {
  test: [...namespaces, 'iperf3'],
  demo: ['iproute2', 'procps'],
  bench: [...namespaces, 'procps', 'iperf3', 'nftables', 'haproxy', 'apache2-utils'],
  record: ['user-mode-linux', 'kmod', 'ipvsadm', 'iproute2', 'busybox', 'gcc', 'libc6-dev'],
};
