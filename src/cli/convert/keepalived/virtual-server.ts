/** A `virtual_server` block as services. */
import type { ConfiguredService, FamilyName } from '../../../control/command.js';
import { configuredService } from '../../../control/config-fields.js';
import { familyOf } from '../../../control/fields.js';
import { IpvsError } from '../../../errors.js';
import type { Note } from '../note.js';
import { DEFAULT_FORWARD, parseForward } from './forward.js';
import { checksOf, healthOf } from './health.js';
import { leaveOut, leaveOutExtra } from './left-out.js';
import { isNumber, parseRealServer, type RealServer } from './real-server.js';
import type { Statement } from './statements.js';
import { readTiming } from './timing.js';
import type { VirtualKey } from './virtual-keys.js';

/** keepalived's persistence timeout when a value is left out, seconds. */
const PERSISTENCE = '360';

/** Flags of schedulers by the names that keepalived has for them, and whose they are. */
const SCHEDULER_FLAGS: Readonly<Record<string, readonly [flag: string, scheduler?: string]>> = {
  'flag-1': ['flag-1'],
  'flag-2': ['flag-2'],
  'flag-3': ['flag-3'],
  'sh-fallback': ['flag-1', 'sh'],
  'sh-port': ['flag-2', 'sh'],
  'mh-fallback': ['flag-1', 'mh'],
  'mh-port': ['flag-2', 'mh'],
};

/** Statements with one value, by the setting that they are; older names stand beside newer ones. */
const VALUES: Readonly<Record<string, string>> = {
  lvs_sched: 'scheduler',
  lb_algo: 'scheduler',
  protocol: 'protocol',
  persistence_granularity: 'netmask',
  persistence_engine: 'pe',
  ip_family: 'family',
};

/** A block that was read. */
interface VirtualServer {
  readonly values: Map<string, string>;
  readonly flags: Statement[];
  readonly servers: RealServer[];
  readonly timing: Map<string, string>;
  /** `quorum`, `hysteresis`. */
  readonly numbers: Map<string, number>;
  sorry: Statement | undefined;
  sorryForward: ReturnType<typeof parseForward>;
  checks: ReturnType<typeof checksOf>;
  forward: ReturnType<typeof parseForward>;
  weight: number;
}

/** The services of a block, one for each of `keys`. What cannot be carried over is noted. */
export function convertVirtualServer(
  statement: Statement,
  keys: readonly VirtualKey[],
  note: Note,
): ConfiguredService[] {
  const virtual = readBlock(statement, note);
  return keys.flatMap((key) => {
    try {
      return [configuredService.read(serviceOf(virtual, key, note), '')];
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      for (const { message } of [error, ...error.others]) note(statement, message);
      return [];
    }
  });
}

function readBlock(statement: Statement, note: Note): VirtualServer {
  const virtual: VirtualServer = {
    values: new Map(),
    flags: [],
    servers: [],
    timing: new Map(),
    numbers: new Map(),
    sorry: undefined,
    sorryForward: undefined,
    checks: new Map(),
    forward: undefined,
    weight: 1,
  };
  for (const inner of statement.block ?? []) {
    const [name = '', value] = inner.words;
    const setting = VALUES[name];
    if (setting !== undefined && value !== undefined) {
      virtual.values.set(setting, value);
      leaveOutExtra(inner, 2, note);
    } else if (name === 'persistence_timeout') virtual.values.set('timeout', value ?? PERSISTENCE);
    else if (name === 'ops' || SCHEDULER_FLAGS[name] !== undefined) virtual.flags.push(inner);
    else if (name === 'weight' && isNumber(value)) virtual.weight = Number(value);
    else if (name === 'lvs_method' || name === 'lb_kind') {
      virtual.forward = parseForward(inner.words.slice(1));
      if (virtual.forward === undefined) note(inner, `${inner.words.join(' ')}: no such forwarding method`);
    } else if (name === 'sorry_server_lvs_method') {
      virtual.sorryForward = parseForward(inner.words.slice(1));
      if (virtual.sorryForward === undefined)
        note(inner, `${inner.words.join(' ')}: no such forwarding method`);
    } else if (name === 'sorry_server') virtual.sorry = inner;
    else if ((name === 'quorum' || name === 'hysteresis') && isNumber(value)) {
      virtual.numbers.set(name, Number(value));
    } else if (name === 'real_server') {
      const server = parseRealServer(inner, note);
      if (server !== undefined) virtual.servers.push(server);
    } else if (!readTiming(inner, virtual.timing, note)) leaveOut(inner, note);
  }
  virtual.checks = checksOf(virtual.servers, virtual, note);
  return virtual;
}

/** A service as a configuration has it, not yet checked. */
function serviceOf(virtual: VirtualServer, key: VirtualKey, note: Note): Record<string, unknown> {
  const { values, servers, weight } = virtual;
  const protocol = (values.get('protocol') ?? 'UDP').toLowerCase();
  const scheduler = values.get('scheduler') ?? 'wlc';
  const timeout = values.get('timeout');
  const netmask = values.get('netmask');
  const pe = values.get('pe');
  const family =
    'fwmark' in key ? (key.family ?? markFamily(virtual)) : familyOf({ ...key, protocol: 'tcp' });
  const flags = flagsOf(virtual, scheduler, protocol === 'udp' || 'fwmark' in key, note);
  const checked = healthOf(
    servers,
    virtual.checks,
    virtual,
    'fwmark' in key ? 0 : key.port,
    virtual.forward ?? DEFAULT_FORWARD,
  );
  return {
    ...('fwmark' in key ? { fwmark: key.fwmark, family } : { protocol, ...key }),
    scheduler,
    flags: timeout === undefined ? flags : ['persistent', ...flags],
    ...(timeout !== undefined && { timeout: Number(timeout) }),
    ...(netmask !== undefined && { netmask }),
    ...(pe !== undefined && { pe }),
    ...(checked !== undefined && { health: checked.health }),
    dests: servers.flatMap((server) => {
      const forward = server.forward ?? virtual.forward ?? DEFAULT_FORWARD;
      const { statement, address, uThreshold, lThreshold } = server;
      if (forward.forward !== 'tunnel' && address.includes(':') !== (family === 'inet6')) {
        note(statement, `${address}: not of the service's address family, which only tunnels reach`);
        return [];
      }
      const port = portOf(server, key, forward.forward === 'masq', note);
      return [
        {
          address,
          port,
          weight: server.weight ?? weight,
          uThreshold,
          lThreshold,
          ...forward,
          ...checked?.own.get(server),
        },
      ];
    }),
  };
}

/** Only NAT can change the port. */
function portOf({ statement, port }: RealServer, key: VirtualKey, mayDiffer: boolean, note: Note): number {
  if ('fwmark' in key) return port ?? 0;
  if (port === undefined || mayDiffer || port === key.port) return port ?? key.port;
  note(statement, `${statement.words.join(' ')}: without NAT the port is the virtual server's, ${key.port}`);
  return key.port;
}

/** The family of a mark is the real servers', unless tunnels hide it. */
function markFamily({ values, servers }: VirtualServer): FamilyName {
  const said = values.get('family');
  if (said !== undefined) return said === 'inet6' ? 'inet6' : 'inet';
  return servers.length > 0 && servers.every(({ address }) => address.includes(':')) ? 'inet6' : 'inet';
}

function flagsOf({ flags }: VirtualServer, scheduler: string, opsAllowed: boolean, note: Note): string[] {
  return flags.flatMap((statement) => {
    const [name = ''] = statement.words;
    if (name === 'ops') {
      if (opsAllowed) return ['ops'];
      note(statement, 'ops: only for UDP');
      return [];
    }
    const [flag, owner] = SCHEDULER_FLAGS[name]!;
    if (owner === undefined || owner === scheduler) return [flag];
    note(statement, `${name}: only for the scheduler ${owner}`);
    return [];
  });
}
