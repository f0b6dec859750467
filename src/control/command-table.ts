/** Every command with its summary, the shape of its argument and that of its result. All faces are made from it. */
import { IpvsError } from '../errors.js';
import type { Args, CommandName, NetnsCommand, Result } from './command.js';
import { change, configText, servedConfig } from './config-fields.js';
import { connFilterFields } from './conn-filter.js';
import { drainEntries } from './drain-fields.js';
import { explanation } from './explanation-shape.js';
import {
  connEntry,
  daemonSpec,
  daemonState,
  destEntry,
  destKey,
  destSpec,
  netnsEntry,
  netnsName,
  serviceEntry,
  serviceKey,
  serviceSpec,
  statsView,
  vipKey,
  vipSpec,
} from './fields.js';
import { healthEntry, healthSpec } from './health-fields.js';
import { drainFields } from './option-fields.js';
import { packetSpec } from './packet-spec.js';
import {
  anyText,
  boolean,
  described,
  integer,
  list,
  nothing,
  number,
  object,
  optional,
  type Shape,
  show,
  tableOf,
  text,
} from './shape.js';

/** What is known of a command beside how it is carried out. */
export interface CommandDescription<N extends CommandName> {
  /** One line for people. */
  readonly summary: string;
  readonly args: Shape<Args<N>>;
  readonly result: Shape<Result<N>>;
}

/** Connections in one page of `conn.list` at most, and when nothing is said. */
export const CONN_PAGE_MAX = 10_000;
export const CONN_PAGE = 1000;

/** Services in one page at most, and when nothing is said. */
export const SERVICE_PAGE_MAX = 1000;
export const SERVICE_PAGE = 20;
/** Places of the connection table that `conn.count` looks at in one part. */
export const CONN_COUNT_PART = 65_536;

const none = object({});
const replace = optional(
  described(boolean, 'Options that are left out get their defaults, in place of staying as they are.'),
);
const timeout = integer('a number of seconds', 0, 0x7fffffff);
const sysctlName = text('a sysctl name', 1, 64);

/** The one table of commands. */
export const COMMANDS: { readonly [N in CommandName]: CommandDescription<N> } = {
  info: {
    summary: 'Version of IPVS, size of the connection table, number of services',
    args: none,
    result: object({
      version: anyText,
      connTabSize: number,
      numServices: number,
      connections: number,
      connLimit: number,
      connRefused: number,
    }),
  },
  'service.add': {
    summary: 'Add a virtual service',
    args: object({ service: serviceSpec }),
    result: nothing,
  },
  'service.edit': {
    summary: 'Change scheduler, flags, timeout, netmask, persistence engine and options of a service',
    args: object({ service: serviceSpec, replace }),
    result: nothing,
  },
  'service.delete': {
    summary: 'Delete a virtual service',
    args: object({ service: serviceKey }),
    result: nothing,
  },
  'service.get': {
    summary: 'One virtual service',
    args: object({ service: serviceKey }),
    result: serviceEntry,
  },
  'service.list': { summary: 'All virtual services', args: none, result: list(serviceEntry) },
  'dest.add': {
    summary: 'Add a real server to a service',
    args: object({ service: serviceKey, dest: destSpec }),
    result: nothing,
  },
  'dest.edit': {
    summary: 'Change weight, forwarding method, thresholds, tunnel and options of a real server',
    args: object({ service: serviceKey, dest: destSpec, replace }),
    result: nothing,
  },
  'dest.delete': {
    summary: 'Delete a real server from a service',
    args: object({ service: serviceKey, dest: destKey }),
    result: nothing,
  },
  'dest.list': {
    summary: 'The real servers of a service',
    args: object({ service: serviceKey }),
    result: list(destEntry),
  },
  'dest.drain': {
    summary: 'Drain a real server: weight 0, and removed when its connections are gone, or at the deadline',
    args: object({ service: serviceKey, dest: destKey, ...drainFields }),
    result: nothing,
  },
  'dest.undrain': {
    summary: 'Give a real server that is being drained its weight back',
    args: object({ service: serviceKey, dest: destKey }),
    result: nothing,
  },
  'drain.list': { summary: 'The real servers that are being drained', args: none, result: drainEntries },
  flush: { summary: 'Delete all virtual services', args: none, result: nothing },
  zero: {
    summary: 'Zero the counters of one service, or all',
    args: object({ service: optional(serviceKey) }),
    result: nothing,
  },
  stats: { summary: 'Counters of the whole director', args: none, result: statsView },
  'timeout.set': {
    summary: 'Set connection timeouts; 0 or absent leaves one as it is',
    args: object({ tcp: optional(timeout), tcpFin: optional(timeout), udp: optional(timeout) }),
    result: nothing,
  },
  'timeout.get': {
    summary: 'Connection timeouts in seconds',
    args: none,
    result: object({ tcp: number, tcpFin: number, udp: number }),
  },
  'daemon.start': {
    summary: 'Start a synchronisation daemon',
    args: object({ daemon: daemonSpec }),
    result: nothing,
  },
  'daemon.stop': {
    summary: 'Stop a synchronisation daemon',
    args: object({ state: daemonState }),
    result: nothing,
  },
  'daemon.list': { summary: 'The synchronisation daemons that run', args: none, result: list(daemonSpec) },
  'conn.list': {
    summary: 'One page of the connection table',
    args: object({
      cursor: optional(integer('a cursor', 0, Number.MAX_SAFE_INTEGER)),
      limit: optional(integer('a page size', 1, CONN_PAGE_MAX)),
      ...connFilterFields,
    }),
    result: object({ entries: list(connEntry), next: optional(number) }),
  },
  'conn.count': {
    summary: 'Connections by protocol and state, in parts of the table',
    args: object({ cursor: optional(integer('a cursor', 0, Number.MAX_SAFE_INTEGER)) }),
    result: object({
      counts: list(object({ protocol: anyText, state: anyText, template: boolean, count: number })),
      next: optional(number),
    }),
  },
  'service.page': {
    summary: 'Some of the virtual services with their real servers',
    args: object({
      cursor: optional(integer('a cursor', 0, Number.MAX_SAFE_INTEGER)),
      limit: optional(integer('a page size', 1, SERVICE_PAGE_MAX)),
    }),
    result: object({
      entries: list(object({ service: serviceEntry, dests: list(destEntry) })),
      next: optional(number),
    }),
  },
  counters: {
    summary: 'Counters of the connection table, the data path and synchronisation, by name',
    args: none,
    result: tableOf(number),
  },
  'sysctl.get': {
    summary: 'Value of a sysctl of net.ipv4.vs',
    args: object({ name: sysctlName }),
    result: anyText,
  },
  'sysctl.set': {
    summary: 'Set a sysctl of net.ipv4.vs',
    args: object({ name: sysctlName, value: text('a sysctl value', 0, 4096) }),
    result: nothing,
  },
  'sysctl.list': { summary: 'All sysctls of net.ipv4.vs', args: none, result: tableOf(anyText) },
  explain: {
    summary: 'What would become of a packet, step by step, without its coming',
    args: object({ packet: packetSpec }),
    result: explanation,
  },
  proc: {
    summary: 'Text of a file of /proc/net',
    args: object({ name: text('a file name', 1, 64) }),
    result: anyText,
  },
  'netns.add': {
    summary: 'Serve one more network namespace',
    args: object({ name: netnsName }),
    result: nothing,
  },
  'netns.remove': {
    summary: 'Serve a network namespace no longer; what it had is forgotten',
    args: object({ name: netnsName }),
    result: nothing,
  },
  'netns.list': {
    summary: 'The network namespaces that the daemon serves',
    args: none,
    result: list(netnsEntry),
  },
  'health.set': {
    summary: "Check the health of a service's real servers, and keep their weights by it",
    args: object({ service: serviceKey, health: healthSpec }),
    result: nothing,
  },
  'health.delete': {
    summary: 'Check a service no longer: its real servers have their configured weights again',
    args: object({ service: serviceKey }),
    result: nothing,
  },
  'health.list': {
    summary: 'The services whose health is checked, and how their real servers are',
    args: none,
    result: list(healthEntry),
  },
  'vip.add': {
    summary: 'Put a virtual address on an interface',
    args: object({ vip: vipSpec }),
    result: nothing,
  },
  'vip.delete': {
    summary: 'Take a virtual address that the daemon has added from its interface',
    args: object({ vip: vipKey }),
    result: nothing,
  },
  'vip.list': { summary: 'The virtual addresses on interfaces', args: none, result: list(vipSpec) },
  'config.get': {
    summary: 'What runs, as a configuration',
    args: none,
    result: servedConfig,
  },
  upgrade: {
    summary: 'Put the program that is installed now in the place of the daemon; it goes on from its state',
    args: none,
    result: nothing,
  },
  'config.plan': {
    summary: 'What applying a configuration would change',
    args: configText,
    result: object({ changes: list(change) }),
  },
  'config.apply': {
    summary: 'Apply a configuration: all of it or, when something is refused, nothing',
    args: configText,
    result: object({ changes: list(change) }),
  },
  'config.merge': {
    summary: 'Bring the text of a configuration up to what runs; comments and order stay',
    args: configText,
    result: object({ text: anyText }),
  },
};

/** True for commands about configurations, which are of all network namespaces. */
export function isConfigCommand(name: string): name is Extract<CommandName, `config.${string}`> {
  return name.startsWith('config.');
}

/** True for commands about a daemon's network namespaces, which go to none of them. */
export function isNetnsCommand(name: CommandName): name is NetnsCommand {
  return name.startsWith('netns.');
}

/** All names, in the table's order. */
export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

/** `name` when it is a command. Throws BAD_REQUEST on `field` otherwise. */
export function commandName(name: unknown, field: string): CommandName {
  if (typeof name === 'string' && Object.hasOwn(COMMANDS, name)) return name as CommandName;
  throw new IpvsError('BAD_REQUEST', `${show(name)} is not a command (${COMMAND_NAMES.join(', ')})`, field);
}

/** The argument of `name`, checked. Throws BAD_REQUEST naming the field at fault. */
export function readArgs<N extends CommandName>(name: N, args: unknown): Args<N> {
  return COMMANDS[name].args.read(args, '');
}
