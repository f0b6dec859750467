/** The sysctls of `net.ipv4.vs`, per network namespace (`ip_vs_sysctl_defaults`). */
import { IpvsError } from '../errors.js';

/** How a value reads, is checked and defaults. */
interface SysctlSpec {
  readonly fallback: number;
  readonly min?: number;
  readonly max?: number;
  /** `pair`: two numbers. `power`: a power of two. */
  readonly kind?: 'pair' | 'power';
}

const SPECS = {
  amemthresh: { fallback: 1024 },
  am_droprate: { fallback: 10 },
  drop_entry: { fallback: 0, min: 0, max: 3 },
  drop_packet: { fallback: 0, min: 0, max: 3 },
  conntrack: { fallback: 0 },
  secure_tcp: { fallback: 0, min: 0, max: 3 },
  snat_reroute: { fallback: 1 },
  sync_version: { fallback: 1, min: 0, max: 1 },
  sync_ports: { fallback: 1, kind: 'power' },
  sync_persist_mode: { fallback: 0 },
  sync_qlen_max: { fallback: 0, min: 0 },
  sync_sock_size: { fallback: 0 },
  cache_bypass: { fallback: 0 },
  expire_nodest_conn: { fallback: 0 },
  sloppy_tcp: { fallback: 0 },
  sloppy_sctp: { fallback: 0 },
  expire_quiescent_template: { fallback: 0 },
  sync_threshold: { fallback: 3, kind: 'pair' },
  sync_refresh_period: { fallback: 0, min: 0 },
  sync_retries: { fallback: 0, min: 0, max: 3 },
  nat_icmp_send: { fallback: 0 },
  pmtu_disc: { fallback: 1 },
  backup_only: { fallback: 0 },
  conn_reuse_mode: { fallback: 1 },
  schedule_icmp: { fallback: 0 },
  ignore_tunneled: { fallback: 0 },
  run_estimation: { fallback: 1 },
  debug_level: { fallback: 0, min: 0, max: 12 },
  lblc_expiration: { fallback: 86_400 },
  lblcr_expiration: { fallback: 86_400 },
} as const satisfies Record<string, SysctlSpec>;

/** Name of a sysctl below `net.ipv4.vs`. */
export type SysctlName = keyof typeof SPECS;

/** Second number of `sync_threshold`'s default. */
const SYNC_PERIOD = 50;

/** The values of one network namespace. Numbers are read as plain properties of `values` on the packet path. */
export class Sysctls {
  readonly values: Record<SysctlName, number>;
  /** Second number of `sync_threshold`: packets between two synchronisations. */
  syncPeriod = SYNC_PERIOD;
  private readonly onChange: (name: SysctlName) => void;

  /** @param onChange called after a value was written. */
  constructor(onChange: (name: SysctlName) => void) {
    this.onChange = onChange;
    this.values = Object.fromEntries(
      Object.entries(SPECS).map(([name, spec]) => [name, spec.fallback]),
    ) as Record<SysctlName, number>;
  }

  /** The text that reading the file gives, without its newline. @throws NO_SYSCTL */
  get(name: string): string {
    const key = known(name);
    const value = this.values[key];
    return key === 'sync_threshold' ? `${value}\t${this.syncPeriod}` : String(value);
  }

  /** Writes a value as its text. @throws NO_SYSCTL, and INVALID for a value that the kernel's handler refuses. */
  set(name: string, text: string): void {
    const key = known(name);
    const spec: SysctlSpec = SPECS[key];
    const words = text.trim().split(/\s+/);
    const numbers = words.map((w) => (/^[-+]?(0x[0-9a-f]+|\d+)$/i.test(w) ? Number(w) : Number.NaN));
    const first = numbers[0]!;
    const wanted = spec.kind === 'pair' ? 2 : 1;
    if (words.length !== wanted || numbers.some((n) => !Number.isInteger(n) || Math.abs(n) > 0x7fff_ffff)) {
      throw new IpvsError('INVALID', `"${text.trim()}" is not ${wanted === 2 ? 'two integers' : 'an integer'}`, name);
    }
    if (spec.kind === 'pair') {
      const second = numbers[1]!;
      if (first < 0 || second < 0 || (first >= second && second !== 0)) {
        throw new IpvsError('INVALID', `"${text.trim()}": expected 0 <= first < second, or second 0`, name);
      }
      this.syncPeriod = second;
    }
    if (spec.kind === 'power' && (first <= 0 || (first & (first - 1)) !== 0)) {
      throw new IpvsError('INVALID', `${first} is not a power of two`, name);
    }
    if (first < (spec.min ?? -Infinity) || first > (spec.max ?? Infinity)) {
      throw new IpvsError('INVALID', `${first} is not within ${spec.min ?? ''}..${spec.max ?? ''}`, name);
    }
    this.values[key] = first;
    this.onChange(key);
  }

  /** All of them, by name, in alphabetical order. */
  list(): Record<string, string> {
    return Object.fromEntries(
      Object.keys(SPECS)
        .sort()
        .map((name) => [name, this.get(name)]),
    );
  }
}

function known(name: string): SysctlName {
  if (!Object.hasOwn(SPECS, name)) throw new IpvsError('NO_SYSCTL', `no sysctl "${name}" below net.ipv4.vs`, 'name');
  return name as SysctlName;
}
