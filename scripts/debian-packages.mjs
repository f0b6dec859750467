/** Debian packages, by what needs them. Each is named by itself, not by what it brings along. */

const namespaces = ['iproute2', 'procps', 'curl', 'nginx-light'];

const recorder = ['user-mode-linux', 'kmod', 'ipvsadm', 'iproute2', 'busybox', 'gcc', 'libc6-dev'];

export const DEBIAN_PACKAGES = {
  test: [...new Set([...namespaces, 'iperf3', 'socat', 'openssl', 'keepalived', ...recorder])],
  demo: ['iproute2', 'procps'],
  bench: [...namespaces, 'iperf3', 'nftables', 'haproxy', 'apache2-utils'],
  record: recorder,
};
