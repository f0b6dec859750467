/** A change as the commands that make it, each with the one that takes it back. */

import { canonicalVip } from '../../control/canonical.js';
import type {
  Change,
  CommandRequest,
  ConfiguredService,
  DaemonSpec,
  DestSpec,
  ServiceSpec,
  VipSpec,
} from '../../control/command.js';
import { healthOf } from '../../control/config-fields.js';
import { keyOf } from '../../control/fields.js';
import type { HealthSpec } from '../../control/health-fields.js';
import { isMixed, NOTHING_RUNS, plan, withoutChecks, withoutDests } from './plan.js';

/** A command with the network namespace that it goes to; the default one when that is left out. */
export interface PlacedCommand {
  readonly netns?: string | undefined;
  readonly request: CommandRequest;
}

/** A command, and those that take it back, in their order. */
interface Step {
  readonly phase: number;
  readonly make: CommandRequest;
  readonly undo: readonly CommandRequest[];
}

/** A step with the namespace of its commands. */
export interface PlacedStep {
  readonly phase: number;
  readonly make: PlacedCommand;
  readonly undo: readonly PlacedCommand[];
}

/**
 * The order of steps. What may be refused comes before what removes for good; real servers of another family than their service's and
 * synchronisation daemons exclude each other, so those that go must be gone before the others come.
 */
const PHASE = {
  netnsAdd: -1,
  settings: 0,
  syncStop: 1,
  mixedDestDelete: 2,
  vipAdd: 3,
  serviceAdd: 4,
  syncStart: 5,
  vipDelete: 6,
  destDelete: 7,
  serviceDelete: 8,
  netnsRemove: 9,
} as const;

/** The steps of a change. Settings of the daemon need a restart: they have none. */
function stepsOf(change: Exclude<Change, { kind: 'netns' }>): Step[] {
  switch (change.kind) {
    case 'sysctl': {
      const set = ({ name, value }: typeof change.after): CommandRequest => ({
        command: 'sysctl.set',
        args: { name, value: String(value) },
      });
      return [{ phase: PHASE.settings, make: set(change.after), undo: [set(change.before)] }];
    }
    case 'timeout': {
      const set = ({ name, value }: typeof change.after): CommandRequest => ({
        command: 'timeout.set',
        args: { [name]: value },
      });
      return [{ phase: PHASE.settings, make: set(change.after), undo: [set(change.before)] }];
    }
    case 'vip':
      return vipSteps(change.before, change.after);
    case 'sync':
      return syncSteps(change.before, change.after);
    case 'service':
      return serviceSteps(change);
    case 'dest':
      return destSteps(change);
    case 'health':
      return healthSteps(change);
    case 'setting':
      return [];
  }
}

/** All steps of changes in the order in which they are to be made. */
export function orderedSteps(changes: readonly Change[]): PlacedStep[] {
  // sorting is stable: what has one phase keeps the configuration's order
  return changes.flatMap(placedSteps).sort((a, b) => a.phase - b.phase);
}

function placedSteps(change: Change): PlacedStep[] {
  if (change.kind === 'netns') return [netnsStep(change)];
  const { netns } = change;
  return stepsOf(change).map(({ phase, make, undo }) => ({
    phase,
    make: { netns, request: make },
    undo: undo.map((request) => ({ netns, request })),
  }));
}

function netnsStep({ before, after }: Extract<Change, { kind: 'netns' }>): PlacedStep {
  const { name, ...had } = (after ?? before)!;
  const add: PlacedCommand = { request: { command: 'netns.add', args: { name } } };
  const remove: PlacedCommand = { request: { command: 'netns.remove', args: { name } } };
  if (before === undefined) return { phase: PHASE.netnsAdd, make: add, undo: [remove] };
  const again = orderedSteps(plan(NOTHING_RUNS, had)).map(({ make }) => ({ ...make, netns: name }));
  return { phase: PHASE.netnsRemove, make: remove, undo: [add, ...again] };
}

function vipSteps(before: VipSpec | undefined, after: VipSpec | undefined): Step[] {
  const add = (vip: VipSpec): CommandRequest => ({ command: 'vip.add', args: { vip } });
  const remove = ({ address, interface: name }: VipSpec): CommandRequest => ({
    command: 'vip.delete',
    args: { vip: { address, interface: name } },
  });
  const steps: Step[] = [];
  if (before !== undefined) {
    // one that changes is away for as short a time as can be
    const phase = after === undefined ? PHASE.vipDelete : PHASE.vipAdd;
    steps.push({ phase, make: remove(before), undo: [add(canonicalVip(before))] });
  }
  if (after !== undefined) steps.push({ phase: PHASE.vipAdd, make: add(after), undo: [remove(after)] });
  return steps;
}

function syncSteps(before: DaemonSpec | undefined, after: DaemonSpec | undefined): Step[] {
  const start = (daemon: DaemonSpec): CommandRequest => ({ command: 'daemon.start', args: { daemon } });
  const stop = ({ state }: DaemonSpec): CommandRequest => ({ command: 'daemon.stop', args: { state } });
  const steps: Step[] = [];
  if (before !== undefined) steps.push({ phase: PHASE.syncStop, make: stop(before), undo: [start(before)] });
  if (after !== undefined) steps.push({ phase: PHASE.syncStart, make: start(after), undo: [stop(after)] });
  return steps;
}

function serviceSteps({ before, after }: Extract<Change, { kind: 'service' }>): Step[] {
  const phase = PHASE.serviceAdd;
  if (before === undefined) {
    const service = after!;
    const undo: CommandRequest = { command: 'service.delete', args: { service: keyOf(service) } };
    return [{ phase, make: { command: 'service.add', args: { service } }, undo: [undo] }];
  }
  if (after !== undefined) {
    const edit = (service: ServiceSpec): CommandRequest => ({
      command: 'service.edit',
      args: { service, replace: true },
    });
    return [{ phase, make: edit(after), undo: [edit(before)] }];
  }
  const had: ConfiguredService = { dests: [], ...before };
  const key = keyOf(had);
  const undo: CommandRequest[] = [{ command: 'service.add', args: { service: withoutDests(had) } }];
  const health = healthOf(had);
  if (health !== undefined) undo.push({ command: 'health.set', args: { service: key, health } });
  for (const dest of had.dests) {
    // those of another family have gone by themselves before
    if (!isMixed(key, dest))
      undo.push({ command: 'dest.add', args: { service: key, dest: withoutChecks(dest) } });
  }
  const make: CommandRequest = { command: 'service.delete', args: { service: key } };
  return [{ phase: PHASE.serviceDelete, make, undo }];
}

function destSteps({ service, before, after, drain }: Extract<Change, { kind: 'dest' }>): Step[] {
  const add = (dest: DestSpec): CommandRequest => ({ command: 'dest.add', args: { service, dest } });
  const edit = (dest: DestSpec): CommandRequest => ({
    command: 'dest.edit',
    args: { service, dest, replace: true },
  });
  const remove = ({ address, port }: DestSpec): CommandRequest => ({
    command: 'dest.delete',
    args: { service, dest: { address, port } },
  });
  if (before === undefined) {
    return [{ phase: PHASE.serviceAdd, make: add(after!), undo: [remove(after!)] }];
  }
  if (after !== undefined) {
    return [{ phase: PHASE.serviceAdd, make: edit(after), undo: [edit(before)] }];
  }
  const mixed = isMixed(service, before);
  const { address, port } = before;
  // one of another family keeps others from being what they are to be: it cannot stay
  const make: CommandRequest =
    drain === undefined || mixed
      ? remove(before)
      : { command: 'dest.drain', args: { service, dest: { address, port }, ...drain } };
  return [{ phase: mixed ? PHASE.mixedDestDelete : PHASE.destDelete, make, undo: [add(before)] }];
}

function healthSteps({ service, before, after }: Extract<Change, { kind: 'health' }>): Step[] {
  const put = (health: HealthSpec | undefined): CommandRequest =>
    health === undefined
      ? { command: 'health.delete', args: { service } }
      : { command: 'health.set', args: { service, health } };
  return [{ phase: PHASE.serviceAdd, make: put(after), undo: [put(before)] }];
}
