/**
 * The operations on a director as plain data: what ipvsadm, the HTTP API and netlink all speak. JSON-safe.
 * Addresses are texts, ports and marks numbers; times are seconds unless said.
 */
import type { ConnRow } from '../engine/conn-list.js';
import type { StatsView } from '../engine/stats.js';
import type { ErrorCode, IpvsError } from '../errors.js';

/** Address family of a service or dest. */
export type FamilyName = 'inet' | 'inet6';
export type ProtocolName = 'tcp' | 'udp' | 'sctp';
/** Forwarding method: NAT, direct routing, tunnel, local node, bypass. */
export type ForwardName = 'masq' | 'route' | 'tunnel' | 'local' | 'bypass';
export type TunnelTypeName = 'ipip' | 'gue' | 'gre';
export type TunnelCsumName = 'nocsum' | 'csum' | 'remcsum';

/** Identity of a virtual service: protocol, address and port, or a firewall mark. */
export type ServiceKey =
  | { protocol: ProtocolName; address: string; port: number }
  | { fwmark: number; family: FamilyName };

/** Identity and configuration of a virtual service. */
export type ServiceSpec = ServiceKey & {
  /** Scheduler name, or `none`. */
  scheduler: string;
  /** `persistent`, `ops`, and the scheduler's `flag-1` (sh-fallback, mh-fallback), `flag-2` (sh-port, mh-port), `flag-3`. */
  flags: string[];
  /** Persistence timeout in seconds; 0 without persistence. */
  timeout: number;
  /** Dotted mask (IPv4) or prefix length as text (IPv6). */
  netmask: string;
  /** Persistence engine. */
  pe?: string;
};

/** Identity of a real server; the family is the address's own. */
export interface DestKey {
  address: string;
  port: number;
}

export interface DestSpec extends DestKey {
  forward: ForwardName;
  /** May be negative here, so that the director can refuse it as the kernel does. */
  weight: number;
  uThreshold: number;
  lThreshold: number;
  tunType?: TunnelTypeName;
  tunPort?: number;
  tunCsum?: TunnelCsumName;
}

export type ServiceEntry = ServiceSpec & { stats: StatsView; numDests: number };

export interface DestEntry extends DestSpec {
  tunType: TunnelTypeName;
  tunPort: number;
  tunCsum: TunnelCsumName;
  activeConns: number;
  inactConns: number;
  persistConns: number;
  stats: StatsView;
}

export interface DaemonSpec {
  state: 'master' | 'backup';
  /** Interface name. */
  interface: string;
  syncid: number;
  maxlen?: number;
  group?: string;
  port?: number;
  ttl?: number;
}

/** One row of the connection list. */
export type ConnEntry = ConnRow;

/** A network namespace that a daemon serves. */
export interface NetnsEntry {
  /** Its name below /run/netns; absent for the namespace that the daemon itself is in. */
  name?: string;
  /** Commands that name no namespace go here. */
  default: boolean;
}

/** Every command, by name: its argument and its result. */
export interface Commands {
  info: {
    args: Record<string, never>;
    result: {
      version: string;
      connTabSize: number;
      numServices: number;
      /** Connections and templates there are. */
      connections: number;
      /** Most there can be. */
      connLimit: number;
      /** New ones that were refused because of it. */
      connRefused: number;
    };
  };
  'service.add': { args: { service: ServiceSpec }; result: null };
  'service.edit': { args: { service: ServiceSpec }; result: null };
  'service.delete': { args: { service: ServiceKey }; result: null };
  'service.get': { args: { service: ServiceKey }; result: ServiceEntry };
  /** In the kernel's table order. */
  'service.list': { args: Record<string, never>; result: ServiceEntry[] };
  'dest.add': { args: { service: ServiceKey; dest: DestSpec }; result: null };
  'dest.edit': { args: { service: ServiceKey; dest: DestSpec }; result: null };
  'dest.delete': { args: { service: ServiceKey; dest: DestKey }; result: null };
  /** In the kernel's list order: newest first. */
  'dest.list': { args: { service: ServiceKey }; result: DestEntry[] };
  flush: { args: Record<string, never>; result: null };
  /** Without a service: everything. */
  zero: { args: { service?: ServiceKey }; result: null };
  /** Counters of the whole director. */
  stats: { args: Record<string, never>; result: StatsView };
  /** Seconds; 0 or absent leaves a value as it is. */
  'timeout.set': { args: { tcp?: number; tcpFin?: number; udp?: number }; result: null };
  'timeout.get': { args: Record<string, never>; result: { tcp: number; tcpFin: number; udp: number } };
  'daemon.start': { args: { daemon: DaemonSpec }; result: null };
  'daemon.stop': { args: { state: 'master' | 'backup' }; result: null };
  'daemon.list': { args: Record<string, never>; result: DaemonSpec[] };
  /** In the kernel's bucket order, from position `cursor` (0 at the start); `next` is absent after the last page. */
  'conn.list': { args: { cursor?: number; limit?: number }; result: { entries: ConnEntry[]; next?: number } };
  'sysctl.get': { args: { name: string }; result: string };
  'sysctl.set': { args: { name: string; value: string }; result: null };
  'sysctl.list': { args: Record<string, never>; result: Record<string, string> };
  /** Text of /proc/net/NAME: ip_vs, ip_vs_conn, ip_vs_conn_sync, ip_vs_stats, ip_vs_stats_percpu, ip_vs_app. */
  proc: { args: { name: string }; result: string };
  /** Serves one more network namespace. */
  'netns.add': { args: { name: string }; result: null };
  /** Serves it no longer: everything in it is forgotten, and what was changed in it is put back. */
  'netns.remove': { args: { name: string }; result: null };
  /** In the order in which they were added. */
  'netns.list': { args: Record<string, never>; result: NetnsEntry[] };
}

export type CommandName = keyof Commands;
/** Commands about the network namespaces of a daemon; all others are about one of them. */
export type NetnsCommand = Extract<CommandName, `netns.${string}`>;
export type Args<N extends CommandName> = Commands[N]['args'];
export type Result<N extends CommandName> = Commands[N]['result'];

/** A failed command as data. */
export interface CommandError {
  code: ErrorCode;
  errno: string;
  message: string;
  field?: string;
}

/** A command with its argument, for batches. */
export type CommandRequest = { [N in CommandName]: { command: N; args: Args<N> } }[CommandName];

/** What became of a batch: results of the commands before the first that failed, and its error. */
export interface BatchResult {
  readonly results: readonly unknown[];
  readonly error?: IpvsError;
}

/** Whoever carries out commands: the engine itself, or a client of the daemon. Rejects with an `IpvsError`. */
export interface Director {
  execute<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>>;
  /**
   * Carries out commands in order, until one fails. Rejects only when the whole batch was refused. For directors that have a quicker way
   * than one command after the other; see `executeBatch`.
   */
  batch?(commands: readonly CommandRequest[]): Promise<BatchResult>;
}
