/** The sysctls of `net.ipv4.vs`, per network namespace (`ip_vs_sysctl_defaults`). */
import { IpvsError } from '../errors.js';

/** How a value is checked; any integer where nothing is said. */
export interface SysctlSpec {
  readonly min?: number;
  readonly max?: number;
  /**
   * `pair`: two numbers, of which the second may be left as it is. `power`: a power of two. `long`: it may have more than 32 bits.
   * `seconds`: kept in jiffies, which must not have more than 31 bits.
   */
  readonly kind?: 'pair' | 'power' | 'long' | 'seconds';
}

/** Defaults, of kernel 6.1. A literal, whose copies are quick to read: the packet path reads some of them each time. */
export const SYSCTL_DEFAULTS = {
  amemthresh: 1024,
  am_droprate: 10,
  drop_entry: 0,
  drop_packet: 0,
  conntrack: 0,
  secure_tcp: 0,
  snat_reroute: 1,
  sync_version: 1,
  sync_ports: 1,
  sync_persist_mode: 0,
  sync_qlen_max: 0,
  sync_sock_size: 0,
  cache_bypass: 0,
  expire_nodest_conn: 0,
  sloppy_tcp: 0,
  sloppy_sctp: 0,
  expire_quiescent_template: 0,
  sync_threshold: 3,
  sync_refresh_period: 0,
  sync_retries: 0,
  nat_icmp_send: 0,
  pmtu_disc: 1,
  backup_only: 0,
  conn_reuse_mode: 1,
  schedule_icmp: 0,
  ignore_tunneled: 0,
  run_estimation: 1,
  debug_level: 0,
  lblc_expiration: 86_400,
  lblcr_expiration: 86_400,
};

/** Name of a sysctl below `net.ipv4.vs`. */
export type SysctlName = keyof typeof SYSCTL_DEFAULTS;

/** All names, in alphabetical order. */
export const SYSCTL_NAMES = (Object.keys(SYSCTL_DEFAULTS) as SysctlName[]).sort();

/** Of values that not every integer is good for. docs/sysctl.md is held against it by a test. */
export const SYSCTL_LIMITS: Readonly<Partial<Record<SysctlName, SysctlSpec>>> = {
  drop_entry: { min: 0, max: 3 },
  drop_packet: { min: 0, max: 3 },
  secure_tcp: { min: 0, max: 3 },
  sync_version: { min: 0, max: 1 },
  sync_ports: { kind: 'power' },
  sync_qlen_max: { kind: 'long', min: 0 },
  sync_threshold: { kind: 'pair' },
  sync_refresh_period: { kind: 'seconds' },
  sync_retries: { min: 0, max: 3 },
  debug_level: { min: 0, max: 12 },
  lblc_expiration: { kind: 'seconds' },
  lblcr_expiration: { kind: 'seconds' },
};

/** Second number of `sync_threshold`'s default. */
const SYNC_PERIOD = 50;

/** A number as the kernel reads it (`proc_get_long`): decimal, 0x for hexadecimal, 0 for octal; NaN for anything else. */
function readLong(word: string): number {
  const [, sign, digits] = /^(-?)(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)$/i.exec(word) ?? [];
  if (digits === undefined) return Number.NaN;
  const octal = /^0\d/.test(digits);
  const magnitude = octal ? Number.parseInt(digits, 8) : Number(digits);
  return sign === '-' ? 0 - magnitude : magnitude;
}

/** The values of one network namespace. Numbers are read as plain properties of `values` on the packet path. */
export class Sysctls {
  readonly values: Record<SysctlName, number>;
  /** Second number of `sync_threshold`: packets between two synchronisations. */
  syncPeriod = SYNC_PERIOD;
  private readonly hz: number;
  private readonly onChange: (name: SysctlName) => void;

  /** @param hz jiffies a second. @param onChange called after a value has changed. */
  constructor(hz: number, onChange: (name: SysctlName) => void) {
    this.hz = hz;
    this.onChange = onChange;
    this.values = { ...SYSCTL_DEFAULTS };
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
    const spec = SYSCTL_LIMITS[key] ?? {};
    const wanted = spec.kind === 'pair' ? 2 : 1;
    const words = text.trim().split(/\s+/);
    // the kernel does not look at what follows
    words.length = Math.min(words.length, wanted);
    const numbers = words.map(readLong);
    const first = numbers[0]!;
    if (!numbers.every((n) => this.fits(n, spec))) {
      throw new IpvsError(
        'INVALID',
        `"${text.trim()}" is not ${wanted === 2 ? 'two integers' : 'an integer'}`,
        name,
      );
    }
    if (spec.kind === 'pair') {
      const second = numbers[1] ?? this.syncPeriod;
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
    if (this.values[key] === first) return;
    this.values[key] = first;
    this.onChange(key);
  }

  /** It is an integer that the kernel has room for: `proc_dointvec`, `proc_dointvec_jiffies`, `proc_doulongvec_minmax`. */
  private fits(n: number, { kind }: SysctlSpec): boolean {
    if (kind === 'long') return Number.isSafeInteger(n);
    if (kind === 'seconds') return Number.isInteger(n) && Math.abs(n) <= Math.floor(0x7fff_ffff / this.hz);
    return n === (n | 0);
  }

  /** All of them, by name, in alphabetical order. */
  list(): Record<string, string> {
    return Object.fromEntries(SYSCTL_NAMES.map((name) => [name, this.get(name)]));
  }
}

function known(name: string): SysctlName {
  if (!Object.hasOwn(SYSCTL_DEFAULTS, name))
    throw new IpvsError('NO_SYSCTL', `no sysctl "${name}" below net.ipv4.vs`, 'name');
  return name as SysctlName;
}
