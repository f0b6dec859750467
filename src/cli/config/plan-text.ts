/** Changes as a text for people: one line each, `+` added, `-` removed, `~` changed. */
import { type CheckSpec, checkEntry } from '../../control/check-spec.js';
import type {
  Change,
  DaemonSpec,
  DestSpec,
  NamedValue,
  ServiceKey,
  ServiceSpec,
  VipSpec,
} from '../../control/command.js';
import { familyOf, keyOf } from '../../control/fields.js';
import type { HealthSpec } from '../../control/health-fields.js';
import { DEST_OPTIONS, SERVICE_OPTIONS } from '../../control/option-fields.js';
import { destId, serviceId } from '../../control/resource-id.js';
import { destEntry } from '../../daemon/config/entries.js';

/** Settings of a thing by their names, as texts; those that are usual and need not be said are in `usual`. */
interface Description {
  readonly settings: Readonly<Record<string, string>>;
  readonly usual: Readonly<Record<string, string>>;
}

/** The lines of a plan, with the number of changes at the end. */
export function planText(changes: readonly Change[]): string {
  if (changes.length === 0) return 'No changes.\n';
  const lines: string[] = [];
  let namespace: string | undefined;
  let service: string | undefined;
  for (const change of changes) {
    const place = change.kind === 'netns' ? nameOf(change) : change.netns;
    if (place !== namespace) {
      // the namespace of what follows, unless it has its own line
      if (change.kind !== 'netns') lines.push(`  namespace ${place}`);
      service = undefined;
    }
    namespace = place;
    // a real server stands below its service
    const owner = ownerOf(change);
    if (owner !== undefined && owner !== service) lines.push(`  service ${owner}`);
    service = change.kind === 'service' ? serviceId((change.after ?? change.before)!) : owner;
    lines.push(line(change));
  }
  return `${lines.join('\n')}\n\n${summary(changes)}\n`;
}

function nameOf({ before, after }: Extract<Change, { kind: 'netns' }>): string {
  return (after ?? before)!.name;
}

/** `3 added, 1 changed, 2 removed`, and what needs a restart. */
export function summary(changes: readonly Change[]): string {
  const count = (wanted: string) =>
    changes.filter((change) => change.kind !== 'setting' && mark(change) === wanted).length;
  const settings = changes.filter(({ kind }) => kind === 'setting').length;
  const made = `${count('+')} added, ${count('~')} changed, ${count('-')} removed`;
  return settings === 0 ? made : `${made}; ${settings} of the daemon's settings would take a restart`;
}

function ownerOf(change: Change): string | undefined {
  return change.kind === 'dest' || change.kind === 'health' ? serviceId(change.service) : undefined;
}

function mark({ before, after }: Change): '+' | '-' | '~' {
  return before === undefined ? '+' : after === undefined ? '-' : '~';
}

function line(change: Change): string {
  const { after } = change;
  switch (change.kind) {
    case 'sysctl':
    case 'timeout':
      return `~ ${change.kind} ${valueChange(change.before, change.after)}`;
    case 'setting':
      return `! setting ${valueChange(change.before, change.after)} (takes a restart)`;
    case 'netns':
      return `${mark(change)} namespace ${nameOf(change)}`;
    case 'vip':
      return `${mark(change)} vip ${vipText(change.before, change.after)}`;
    case 'sync':
      return `${mark(change)} sync ${(change.after ?? change.before)!.state}${differences(change.before, change.after, describeSync)}`;
    case 'service': {
      const id = serviceId(keyOf((change.after ?? change.before)!));
      const gone = after === undefined ? withServers(change.before!) : '';
      return `${mark(change)} service ${id}${differences(change.before, change.after, describeService)}${gone}`;
    }
    case 'health':
      return `${mark(change)}     health${differences(change.before, change.after, describeHealth)}`;
    case 'dest': {
      const id = destId((change.after ?? change.before)!);
      return `${mark(change)}     dest ${id}${differences(change.before, change.after, describeDest)}${change.drain === undefined ? '' : ' (drained)'}`;
    }
  }
}

function withServers(service: object): string {
  const count = 'dests' in service && Array.isArray(service.dests) ? service.dests.length : 0;
  return count === 0 ? '' : ` (with ${count} real server${count === 1 ? '' : 's'})`;
}

function valueChange(before: NamedValue, after: NamedValue): string {
  return `${after.name}: ${before.value} -> ${after.value}`;
}

function vipText(before: VipSpec | undefined, after: VipSpec | undefined): string {
  const { address, prefixLength, interface: name } = (after ?? before)!;
  if (before === undefined || after === undefined) return `${address}/${prefixLength} on ${name}`;
  return `${address} on ${name} prefixLength ${before.prefixLength} -> ${prefixLength}`;
}

/** All settings of what is made; what changes of what changes; nothing of what goes. */
function differences<T>(
  before: T | undefined,
  after: T | undefined,
  describe: (thing: T) => Description,
): string {
  if (after === undefined) return '';
  const { settings, usual } = describe(after);
  const old = before === undefined ? undefined : describe(before).settings;
  let text = '';
  for (const [name, value] of Object.entries(settings)) {
    if (old === undefined) text += value === usual[name] ? '' : ` ${name} ${value}`;
    else if (old[name] !== value) text += ` ${name} ${old[name]} -> ${value}`;
  }
  return text;
}

function describeService(spec: ServiceSpec): Description {
  const { scheduler, flags, timeout, netmask, pe } = spec;
  return {
    settings: {
      scheduler,
      flags: flags.join(',') || 'none',
      timeout: String(timeout),
      netmask,
      pe: pe ?? 'none',
      ...optionTexts(SERVICE_OPTIONS, spec),
    },
    usual: {
      flags: 'none',
      timeout: '0',
      netmask: hostMask(spec),
      pe: 'none',
      ...optionTexts(SERVICE_OPTIONS, {}),
    },
  };
}

/** Options, all of them: those that are not set are `none`. */
function optionTexts(names: readonly string[], spec: object): Record<string, string> {
  const given = new Map(Object.entries(spec));
  return Object.fromEntries(names.map((name) => [name, optionText(given.get(name))]));
}

function optionText(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value !== 'object' || value === null) return String(value);
  const pairs = Object.entries(value).map(([name, part]) => `${name}=${part}`);
  return pairs.join(',');
}

function hostMask(key: ServiceKey): string {
  return familyOf(key) === 'inet' ? '255.255.255.255' : '128';
}

function describeDest(spec: DestSpec): Description {
  const { forward, weight, uThreshold, lThreshold, tunType = 'ipip', tunPort = 0, tunCsum = 'nocsum' } = spec;
  return {
    settings: {
      forward,
      weight: String(weight),
      uThreshold: String(uThreshold),
      lThreshold: String(lThreshold),
      tunType,
      tunPort: String(tunPort),
      tunCsum,
      ...optionTexts(DEST_OPTIONS, spec),
    },
    usual: {
      uThreshold: '0',
      lThreshold: '0',
      tunType: 'ipip',
      tunPort: '0',
      tunCsum: 'nocsum',
      ...optionTexts(DEST_OPTIONS, {}),
    },
  };
}

function describeHealth(spec: HealthSpec): Description {
  const { checks, servers, quorum, hysteresis, onFailure, sorryServer, slowStart } = spec;
  const text = (all: readonly CheckSpec[]) => all.map((check) => JSON.stringify(checkEntry(check))).join(' ');
  const own = servers.map((server) => `${destId(server)} ${text(server.checks) || 'none'}`);
  return {
    settings: {
      checks: text(checks) || 'none',
      servers: own.join(' ') || 'none',
      quorum: String(quorum),
      hysteresis: String(hysteresis),
      onFailure,
      sorryServer: sorryServer === undefined ? 'none' : JSON.stringify(destEntry(sorryServer)),
      slowStart: String(slowStart),
    },
    usual: {
      servers: 'none',
      quorum: '1',
      hysteresis: '0',
      onFailure: 'quiesce',
      sorryServer: 'none',
      slowStart: '0',
    },
  };
}

function describeSync({ state: _, ...settings }: DaemonSpec): Description {
  const texts = Object.entries(settings).map(([name, value]) => [name, String(value)]);
  return { settings: Object.fromEntries(texts), usual: {} };
}
