/** What has to change so that what runs is what a configuration says. */
import { canonicalVip } from '../../control/canonical.js';
import type {
  Change,
  ConfiguredDest,
  ConfiguredService,
  DaemonSpec,
  DestSpec,
  DirectorConfig,
  ServiceKey,
  ServiceSpec,
  VipSpec,
} from '../../control/command.js';
import { healthOf, vipId } from '../../control/config-fields.js';
import { familyOf, keyOf } from '../../control/fields.js';
import { destOptionsOf, sameOptions, serviceOptionsOf } from '../../control/option-fields.js';
import { destId } from '../../control/resource-id.js';
import { configuredId } from './configured-id.js';

/** What runs. What no configuration is about is left out. */
export interface Running {
  readonly sysctl: Readonly<Record<string, string>>;
  readonly timeouts: Readonly<Required<NonNullable<DirectorConfig['timeouts']>>>;
  readonly vips: readonly VipSpec[];
  /** Each complete. */
  readonly sync: readonly DaemonSpec[];
  /** The synchronisation daemons as they were asked for by a configuration. */
  readonly syncAsked: readonly DaemonSpec[];
  /** By their ids. */
  readonly services: ReadonlyMap<string, ConfiguredService>;
}

/** A director to which nothing has been said. Whatever a sysctl or timeout is to be is a change. */
export const NOTHING_RUNS: Running = {
  sysctl: {},
  timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
  vips: [],
  sync: [],
  syncAsked: [],
  services: new Map(),
};

/** True for a real server of another family than its service's: only tunnels reach those. */
export function isMixed(service: ServiceKey, dest: DestSpec): boolean {
  return dest.address.includes(':') !== (familyOf(service) === 'inet6');
}

/** The changes, of services in the order of `wanted`; those that go come last. */
export function plan(running: Running, wanted: DirectorConfig): Change[] {
  return [
    ...planSysctls(running.sysctl, wanted.sysctl ?? {}),
    ...planTimeouts(running.timeouts, wanted.timeouts ?? {}),
    ...(wanted.vips === undefined ? [] : planVips(running.vips, wanted.vips)),
    ...(wanted.sync === undefined ? [] : planSync(running, wanted.sync)),
    ...(wanted.services === undefined ? [] : planServices(running.services, wanted.services)),
  ];
}

function planSysctls(running: Running['sysctl'], wanted: Record<string, string>): Change[] {
  return Object.entries(wanted)
    .filter(([name, value]) => !agrees(name, settled(name, running[name]), settled(name, value)))
    .map(([name, value]) => ({
      kind: 'sysctl',
      // a name that there is not is the director's to refuse
      before: { name, value: running[name] ?? '' },
      after: { name, value },
    }));
}

/** Setting a value would change nothing: of two numbers the first may be set alone, and the other stays as it is. */
function agrees(name: string, running: string, wanted: string): boolean {
  return running === wanted || (name === 'sync_threshold' && running.startsWith(`${wanted} `));
}

/** Sysctls that IPVS itself moves between 1 and 2, with the memory that there is: either is the automatic mode. */
const AUTOMATIC = new Set(['drop_entry', 'drop_packet', 'secure_tcp']);

/** What a value of a sysctl comes to: its numbers, however they are written. */
function settled(name: string, text = ''): string {
  const numbers = text
    .trim()
    .split(/\s+/)
    .map((word) => (Number.isNaN(Number(word)) ? word : Number(word)))
    .join(' ');
  return AUTOMATIC.has(name) && numbers === '2' ? '1' : numbers;
}

function planTimeouts(
  running: Running['timeouts'],
  wanted: NonNullable<DirectorConfig['timeouts']>,
): Change[] {
  return (['tcp', 'tcpFin', 'udp'] as const).flatMap((name): Change[] => {
    const value = wanted[name];
    if (value === undefined || value === running[name]) return [];
    return [{ kind: 'timeout', before: { name, value: running[name] }, after: { name, value } }];
  });
}

function planVips(running: readonly VipSpec[], wanted: readonly VipSpec[]): Change[] {
  const there = new Map(running.map((vip) => [vipId(vip), canonicalVip(vip)]));
  const changes: Change[] = [];
  for (const after of wanted.map(canonicalVip)) {
    const before = there.get(vipId(after));
    there.delete(vipId(after));
    if (before === undefined) changes.push({ kind: 'vip', after });
    else if (before.prefixLength !== after.prefixLength) changes.push({ kind: 'vip', before, after });
  }
  for (const before of there.values()) changes.push({ kind: 'vip', before });
  return changes;
}

/** Settings of synchronisation daemons that have defaults, which 0 stands for too. */
const SYNC_OPTIONS = ['maxlen', 'group', 'port', 'ttl'] as const;

function planSync({ sync, syncAsked }: Running, wanted: readonly DaemonSpec[]): Change[] {
  return (['master', 'backup'] as const).flatMap((state): Change[] => {
    const before = sync.find((daemon) => daemon.state === state);
    const after = wanted.find((daemon) => daemon.state === state);
    if (before === undefined) return after === undefined ? [] : [{ kind: 'sync', after }];
    if (after === undefined) return [{ kind: 'sync', before }];
    const asked = syncAsked.find((daemon) => daemon.state === state);
    const differs =
      after.interface !== before.interface ||
      after.syncid !== before.syncid ||
      SYNC_OPTIONS.some((field) =>
        // what is left out has its default, unless it was asked for before; what was asked for may have been made to fit
        after[field] ? after[field] !== before[field] && after[field] !== asked?.[field] : asked?.[field],
      );
    return differs ? [{ kind: 'sync', before, after }] : [];
  });
}

function planServices(running: Running['services'], wanted: readonly ConfiguredService[]): Change[] {
  const changes: Change[] = [];
  const kept = new Set<string>();
  for (const after of wanted) {
    const id = configuredId(after);
    kept.add(id);
    const before = running.get(id);
    // the same object: nobody has changed it since it was applied
    if (before !== after) planService(before, after, changes);
  }
  for (const [id, service] of running) {
    if (!kept.has(id)) removeService(service, changes);
  }
  return changes;
}

function planService(
  before: ConfiguredService | undefined,
  after: ConfiguredService,
  changes: Change[],
): void {
  const service = keyOf(after);
  if (before === undefined) changes.push({ kind: 'service', after: withoutDests(after) });
  else if (!sameService(before, after)) {
    changes.push({ kind: 'service', before: withoutDests(before), after: withoutDests(after) });
  }
  planHealth(service, before, after, changes);
  const there = new Map((before?.dests ?? []).map((dest) => [destId(dest), withoutChecks(dest)]));
  for (const dest of after.dests.map(withoutChecks)) {
    const id = destId(dest);
    const old = there.get(id);
    there.delete(id);
    if (old === undefined) changes.push({ kind: 'dest', service, after: dest });
    else if (!sameDest(old, dest)) changes.push({ kind: 'dest', service, before: old, after: dest });
  }
  const { drain } = after;
  for (const dest of there.values()) {
    changes.push({ kind: 'dest', service, before: dest, ...(drain !== undefined && { drain }) });
  }
}

/** Before the servers: one that is added begins as its checks say. */
function planHealth(
  service: ServiceKey,
  before: ConfiguredService | undefined,
  after: ConfiguredService,
  changes: Change[],
): void {
  const [had, wanted] = [before && healthOf(before), healthOf(after)];
  if (JSON.stringify(had) === JSON.stringify(wanted)) return;
  changes.push({
    kind: 'health',
    service,
    ...(had !== undefined && { before: had }),
    ...(wanted !== undefined && { after: wanted }),
  });
}

/** Its servers go with it; those that synchronisation waits for go first. */
function removeService(before: ConfiguredService, changes: Change[]): void {
  const service = keyOf(before);
  for (const dest of before.dests.map(withoutChecks)) {
    if (isMixed(service, dest)) changes.push({ kind: 'dest', service, before: dest });
  }
  changes.push({ kind: 'service', before });
}

/** The service's own settings. */
export function withoutDests({ dests: _, health: __, ...service }: ConfiguredService): ServiceSpec {
  return service;
}

/** The real server's own settings. */
export function withoutChecks({ checks: _, ...dest }: ConfiguredDest): DestSpec {
  return dest;
}

function sameService(a: ServiceSpec, b: ServiceSpec): boolean {
  return (
    a.scheduler === b.scheduler &&
    a.timeout === b.timeout &&
    a.netmask === b.netmask &&
    (a.pe ?? '') === (b.pe ?? '') &&
    a.flags.join() === b.flags.join() &&
    sameOptions(serviceOptionsOf(a), serviceOptionsOf(b))
  );
}

const DEST_FIELDS = [
  'forward',
  'weight',
  'uThreshold',
  'lThreshold',
  'tunType',
  'tunPort',
  'tunCsum',
] as const;

function sameDest(a: DestSpec, b: DestSpec): boolean {
  return (
    DEST_FIELDS.every((field) => a[field] === b[field]) && sameOptions(destOptionsOf(a), destOptionsOf(b))
  );
}
