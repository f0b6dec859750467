/** Which options are legal with which command, and with which kind of tunnel. */
import type { TunnelTypeName } from '../../control/command.js';
import { COLUMNS, type Column } from './columns.js';
import { wrong } from './stop.js';

/** The commands, by the names that messages use. */
export type Command =
  | 'add-service'
  | 'edit-service'
  | 'delete-service'
  | 'flush'
  | 'list'
  | 'add-server'
  | 'edit-server'
  | 'delete-server'
  | 'set'
  | 'start-daemon'
  | 'stop-daemon'
  | 'restore'
  | 'save'
  | 'zero';

/** Legality of options: those not named are illegal. */
export interface Rule {
  readonly required?: readonly Column[];
  readonly optional?: readonly Column[];
  /** At most one of these. */
  readonly oneOf?: readonly Column[];
}

/** The columns that kinds of tunnels differ in. */
const TUNNEL_COLUMNS: readonly Column[] = ['tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'];

/** All options of tunnels. */
export const TUNNEL_OPTIONS: readonly Column[] = ['tun-type', ...TUNNEL_COLUMNS];

const SERVICE: Rule = {
  required: ['service-address'],
  optional: ['scheduler', 'persistent', 'netmask', 'ops', 'pe', 'sched-flags'],
};

const SERVER: Rule = {
  required: ['service-address', 'real-server'],
  optional: ['forwarding-method', 'weight', 'u-threshold', 'l-threshold', ...TUNNEL_OPTIONS],
};

/** The rule of each command. */
export const COMMAND_RULES: Readonly<Record<Command, Rule>> = {
  'add-service': SERVICE,
  'edit-service': SERVICE,
  'delete-service': { required: ['service-address'] },
  flush: {},
  list: {
    oneOf: ['connection', 'service-address', 'timeout', 'daemon'],
    optional: [
      'numeric',
      'stats',
      'rate',
      'thresholds',
      'persistent-conn',
      'nosort',
      'syncid',
      'exact',
      'tun-info',
    ],
  },
  'add-server': SERVER,
  'edit-server': SERVER,
  'delete-server': { required: ['service-address', 'real-server'] },
  set: {},
  'start-daemon': {
    optional: ['mcast-interface', 'syncid', 'mcast-group', 'mcast-port', 'mcast-ttl', 'sync-maxlen'],
  },
  'stop-daemon': { optional: ['syncid'] },
  restore: {},
  save: { optional: ['numeric'] },
  zero: { optional: ['service-address'] },
};

/** The rule of each kind of tunnel. */
export const TUNNEL_RULES: Readonly<Record<TunnelTypeName, Rule>> = {
  ipip: {},
  gue: { required: ['tun-port'], oneOf: ['tun-nocsum', 'tun-csum', 'tun-remcsum'] },
  gre: { oneOf: ['tun-nocsum', 'tun-csum'] },
};

/** Holds the options of a command against its rule. Throws a {@link Stop} of status 2 that names the first one at fault. */
export function checkCommand(command: Command, given: ReadonlySet<Column>): void {
  check(COLUMNS, given, COMMAND_RULES[command], `'${command}' command`);
}

/** Holds the tunnel options against the rule of the tunnel's type. Throws as {@link checkCommand} does. */
export function checkTunnel(type: TunnelTypeName, given: ReadonlySet<Column>): void {
  check(TUNNEL_COLUMNS, given, TUNNEL_RULES[type], `'${type}' tunnel type`);
}

function check(columns: readonly Column[], given: ReadonlySet<Column>, rule: Rule, where: string): void {
  let chosen: Column | undefined;
  for (const column of columns) {
    if (!given.has(column)) {
      if (rule.required?.includes(column))
        throw wrong(`You need to supply the '${column}' option for the ${where}`);
    } else if (rule.oneOf?.includes(column)) {
      if (chosen) throw wrong(`The option '${column}' conflicts with the '${chosen}' option in the ${where}`);
      chosen = column;
    } else if (!rule.required?.includes(column) && !rule.optional?.includes(column)) {
      throw wrong(`Illegal '${column}' option with the ${where}`);
    }
  }
}
