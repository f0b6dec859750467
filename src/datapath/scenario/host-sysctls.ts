/** The kernel settings that the model of the host has, by their path below /proc/sys/net. */
import { IpvsError } from '../../errors.js';

/** Settings with the values that a scenario starts with. */
const DEFAULTS: Readonly<Record<string, number>> = {
  'ipv4/ip_forward': 1,
  'ipv4/ip_default_ttl': 64,
  'ipv4/icmp_echo_ignore_all': 0,
  'ipv4/icmp_echo_ignore_broadcasts': 1,
  'ipv4/ip_unprivileged_port_start': 1024,
  'ipv4/ipfrag_time': 30,
  'ipv4/conf/all/route_localnet': 0,
  'ipv4/conf/all/accept_local': 0,
  'ipv6/conf/all/forwarding': 1,
  'ipv6/icmp/echo_ignore_all': 0,
  'ipv6/ip6frag_time': 60,
};

/** Settings which may be written, but make no difference to the model. */
const WITHOUT_EFFECT = [
  /^(ipv4|ipv6)\/(conf|neigh|route)\//,
  /^(ipv4|ipv6)\/fwmark_reflect$|^ipv6\/bindv6only$|^core\//,
  /^ipv4\/icmp_(ratelimit|ratemask|msgs_\w+|errors_use_inbound_ifaddr)$|^ipv6\/icmp\/ratelimit$/,
  /^ipv4\/(ip_nonlocal_bind|ip_early_demux|ip_no_pmtu_disc|ip_forward_use_pmtu)$/,
];

/** Hop limit of what the host sends: it is the setting of the interface that counts, not the one of all. */
export const HOP_LIMIT = 64;

/** The settings of one host. */
export class HostSysctls {
  readonly #values = new Map(Object.entries(DEFAULTS));

  /** Value of a setting of the table above. */
  get(path: string): number {
    return this.#values.get(path)!;
  }

  /** Value of any; undefined for one that the model does not have. */
  read(path: string): number | undefined {
    return this.#values.get(path);
  }

  /** @throws IpvsError `NO_SYSCTL` or `INVALID`. */
  set(path: string, value: string): void {
    const known = this.#values.has(path);
    if (!known && !WITHOUT_EFFECT.some((names) => names.test(path)))
      throw new IpvsError('NO_SYSCTL', 'No such file or directory', path);
    const n = Number(value);
    if (known && (value.trim() === '' || !Number.isSafeInteger(n))) {
      throw new IpvsError('INVALID', 'Invalid argument', path);
    }
    if (known) this.#values.set(path, n);
  }
}
