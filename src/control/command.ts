/**
 * The operations on a director as plain data: what ipvsadm, the HTTP API and netlink all speak. JSON-safe.
 * Addresses are texts, ports and marks numbers; times are seconds unless said.
 */
import type { ConnCount } from '../engine/conn-count.js';
import type { ConnRow } from '../engine/conn-list.js';
import type { Explanation } from '../engine/explain/explanation.js';
import type { DestOptions, DrainEnd, DrainPolicy, ServiceOptions } from '../engine/service-options.js';
import type { StatsView } from '../engine/stats.js';
import type { ErrorCode, IpvsError } from '../errors.js';
import type { CheckSpec } from './check-spec.js';
import type { ConnFilterArgs } from './conn-filter.js';
import type { HealthEntry, HealthPolicy, HealthSpec } from './health-fields.js';
import type { PacketSpec } from './packet-spec.js';

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
} & ServiceOptions;

/** Identity of a real server; the family is the address's own. */
export interface DestKey {
  address: string;
  port: number;
}

export interface DestSpec extends DestKey, DestOptions {
  forward: ForwardName;
  /** May be negative here, so that the director can refuse it as the kernel does. */
  weight: number;
  uThreshold: number;
  lThreshold: number;
  tunType?: TunnelTypeName;
  tunPort?: number;
  tunCsum?: TunnelCsumName;
}

/** A real server, tunnel included. */
export type CompleteDest = DestSpec & Required<Pick<DestSpec, 'tunType' | 'tunPort' | 'tunCsum'>>;

export type ServiceEntry = ServiceSpec & { stats: StatsView; numDests: number };

/** A service with its real servers. */
export interface ServicePageEntry {
  service: ServiceEntry;
  dests: DestEntry[];
}

/** What a listing says of a server that is being drained. */
export interface DrainingState {
  /** The weight that it has when it is to stay after all. */
  weight: number;
  end: DrainEnd;
  /** Seconds until the deadline, if there is one. */
  left?: number;
}

/** A real server that is being drained, or was, and whose connections are being ended. */
export interface DrainEntry {
  service: ServiceKey;
  dest: DestKey;
  name?: string;
  phase: 'draining' | 'ending';
  end: DrainEnd;
  left?: number;
  activeConns: number;
  inactConns: number;
  persistConns: number;
}

export interface DestEntry extends DestSpec {
  draining?: DrainingState;
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

/** Identity of a virtual address that the daemon has put on an interface. */
export interface VipKey {
  address: string;
  /** Interface name. */
  interface: string;
}

/** A virtual address that the daemon puts on an interface, and takes away again. */
export interface VipSpec extends VipKey {
  /** Bits of its network; 32 or 128, one host, when left out. */
  prefixLength?: number;
}

/** A real server as a configuration has it. */
export interface ConfiguredDest extends DestSpec {
  /** Health checks of its own, instead of its service's. */
  checks?: CheckSpec[];
}

/** A service with its real servers, as a configuration has them. */
export type ConfiguredService = ServiceSpec & { dests: ConfiguredDest[]; health?: HealthPolicy };

/** What a configuration says of a director. What is left out is not managed by it. */
export interface DirectorConfig {
  /** By names below net.ipv4.vs. */
  sysctl?: Record<string, string>;
  /** Connection timeouts in seconds. */
  timeouts?: { tcp?: number; tcpFin?: number; udp?: number };
  /** All virtual addresses that the daemon is to have on interfaces. */
  vips?: VipSpec[];
  /** All synchronisation daemons. */
  sync?: DaemonSpec[];
  /** All services. */
  services?: ConfiguredService[];
}

/** What a configuration says of all that a daemon serves: of its default network namespace, and of others by their names. */
export interface ServedConfig extends DirectorConfig {
  namespaces?: Record<string, DirectorConfig>;
}

/** A named value: of a sysctl, a timeout in seconds, a setting of the daemon. */
export interface NamedValue {
  name: string;
  value: string | number;
}

/** A configuration as its text (YAML or JSON), and what messages call it. */
export interface ConfigText {
  text: string;
  file?: string;
}

/** What can differ: made when there is no `before`, removed when there is no `after`. */
type Difference =
  | { kind: 'sysctl' | 'timeout'; before: NamedValue; after: NamedValue }
  | { kind: 'vip'; before?: VipSpec; after?: VipSpec }
  | { kind: 'sync'; before?: DaemonSpec; after?: DaemonSpec }
  /** One that is removed has its real servers with it. */
  | { kind: 'service'; before?: ServiceSpec | ConfiguredService; after?: ServiceSpec }
  | { kind: 'dest'; service: ServiceKey; before?: DestSpec; after?: DestSpec; drain?: DrainPolicy }
  | { kind: 'health'; service: ServiceKey; before?: HealthSpec; after?: HealthSpec }
  /** A network namespace that is served; what one that is removed has had comes with it. */
  | { kind: 'netns'; before?: { name: string } & DirectorConfig; after?: { name: string } }
  /** A setting of the daemon itself, which is not changed while it runs. */
  | { kind: 'setting'; before: NamedValue; after: NamedValue };

/** One difference between a configuration and what runs, in the network namespace `netns` or in the default one. */
export type Change = Difference & { netns?: string };

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
  /** Options that are left out stay as they are, unless what is there is replaced. */
  'service.edit': { args: { service: ServiceSpec; replace?: boolean }; result: null };
  'service.delete': { args: { service: ServiceKey }; result: null };
  'service.get': { args: { service: ServiceKey }; result: ServiceEntry };
  /** In the kernel's table order. */
  'service.list': { args: Record<string, never>; result: ServiceEntry[] };
  'dest.add': { args: { service: ServiceKey; dest: DestSpec }; result: null };
  'dest.edit': { args: { service: ServiceKey; dest: DestSpec; replace?: boolean }; result: null };
  'dest.delete': { args: { service: ServiceKey; dest: DestKey }; result: null };
  /** In the kernel's list order: newest first. */
  'dest.list': { args: { service: ServiceKey }; result: DestEntry[] };
  /** Weight 0; gone when its connections are, or at the deadline. */
  'dest.drain': {
    args: { service: ServiceKey; dest: DestKey } & Partial<DrainPolicy>;
    result: null;
  };
  /** It has its weight again. */
  'dest.undrain': { args: { service: ServiceKey; dest: DestKey }; result: null };
  'drain.list': { args: Record<string, never>; result: DrainEntry[] };
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
  'conn.list': {
    args: { cursor?: number; limit?: number } & ConnFilterArgs;
    result: { entries: ConnEntry[]; next?: number };
  };
  /** Connections by state, in parts as for `conn.list`. */
  'conn.count': { args: { cursor?: number }; result: { counts: ConnCount[]; next?: number } };
  /** Some services with their real servers: from number `cursor` of `service.list` on. */
  'service.page': {
    args: { cursor?: number; limit?: number };
    result: { entries: ServicePageEntry[]; next?: number };
  };
  /** What the director counts beside {@link StatsView}, by name. */
  counters: { args: Record<string, never>; result: Record<string, number> };
  'sysctl.get': { args: { name: string }; result: string };
  'sysctl.set': { args: { name: string; value: string }; result: null };
  'sysctl.list': { args: Record<string, never>; result: Record<string, string> };
  /** What would become of a packet that came now. Changes nothing. */
  explain: { args: { packet: PacketSpec }; result: Explanation };
  /** Text of /proc/net/NAME: ip_vs, ip_vs_conn, ip_vs_conn_sync, ip_vs_stats, ip_vs_stats_percpu, ip_vs_app. */
  proc: { args: { name: string }; result: string };
  /** Serves one more network namespace. */
  'netns.add': { args: { name: string }; result: null };
  /** Serves it no longer: everything in it is forgotten, and what was changed in it is put back. */
  'netns.remove': { args: { name: string }; result: null };
  /** In the order in which they were added. */
  'netns.list': { args: Record<string, never>; result: NetnsEntry[] };
  /** Checks the health of a service's real servers from now on, and keeps their weights by it. What is configured as before goes on as it is. */
  'health.set': { args: { service: ServiceKey; health: HealthSpec }; result: null };
  /** Checks them no longer: each has its configured weight again. */
  'health.delete': { args: { service: ServiceKey }; result: null };
  /** The services that are checked. */
  'health.list': { args: Record<string, never>; result: HealthEntry[] };
  'vip.add': { args: { vip: VipSpec }; result: null };
  'vip.delete': { args: { vip: VipKey }; result: null };
  /** In the order in which they were added. */
  'vip.list': { args: Record<string, never>; result: VipSpec[] };
  /** What runs, as a configuration that describes it completely. */
  'config.get': { args: Record<string, never>; result: ServedConfig };
  /** The daemon becomes the program that is installed now, which goes on from its state. @throws NOT_SUPPORTED when it leaves none */
  upgrade: { args: Record<string, never>; result: null };
  /** What `config.apply` would change. */
  'config.plan': { args: ConfigText; result: { changes: Change[] } };
  /** Makes what runs as the configuration says: everything or, when it fails, nothing. The result is what was changed. */
  'config.apply': { args: ConfigText; result: { changes: Change[] } };
  /** The text, changed so that applying it would change nothing: comments, order and the daemon's settings stay. */
  'config.merge': { args: ConfigText; result: { text: string } };
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
