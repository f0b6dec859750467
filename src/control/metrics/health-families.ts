/** The metrics of health checks. */
import type { CheckEntry, HealthEntry, ServerEntry } from '../health-fields.js';
import { type Family, labelText, serviceLabels } from './families.js';
import type { Snapshot } from './snapshot.js';

interface Told<T> {
  readonly name: string;
  readonly type: Family['type'];
  readonly help: string;
  /** Nothing is told where it gives undefined. */
  value(entry: T): number | undefined;
}

const SERVICE: Told<HealthEntry>[] = [
  {
    name: 'ipvsd_service_quorum_reached',
    type: 'gauge',
    help: 'Whether the checked real servers reach the quorum.',
    value: ({ alive }) => Number(alive),
  },
];

const SERVER: Told<ServerEntry>[] = [
  {
    name: 'ipvsd_backend_up',
    type: 'gauge',
    help: 'Whether all checks say so.',
    value: ({ up }) => Number(up),
  },
  {
    name: 'ipvsd_backend_configured_weight',
    type: 'gauge',
    help: 'Weight as configured: the one in force may be less.',
    value: ({ dest }) => dest.weight,
  },
];

const CHECK: Told<CheckEntry>[] = [
  {
    name: 'ipvsd_check_up',
    type: 'gauge',
    help: 'What a check takes its real server for.',
    value: ({ up }) => Number(up),
  },
  {
    name: 'ipvsd_check_duration_seconds',
    type: 'gauge',
    help: 'How long the last one took.',
    value: ({ took }) => took && took / 1000,
  },
  {
    name: 'ipvsd_check_attempts_total',
    type: 'counter',
    help: 'Checks done.',
    value: ({ count }) => count,
  },
  {
    name: 'ipvsd_check_failures_total',
    type: 'counter',
    help: 'Checks that have failed.',
    value: ({ failures }) => failures,
  },
  {
    name: 'ipvsd_check_changes_total',
    type: 'counter',
    help: 'Times that a check has found its real server up or down that it had not been before.',
    value: ({ changes }) => changes,
  },
];

/** A thing with its labels as text. */
type Labelled<T> = Iterable<readonly [labels: string, entry: T]>;

function* services({ netns, health }: Snapshot): Labelled<HealthEntry> {
  for (const entry of health) yield [labelText({ netns, ...serviceLabels(entry.service) }), entry];
}

function* servers(snapshot: Snapshot): Labelled<ServerEntry> {
  for (const [labels, entry] of services(snapshot)) {
    for (const server of entry.servers) {
      const { address, port } = server.dest;
      yield [`${labels.slice(0, -1)},remote_address="${address}",remote_port="${port}"}`, server];
    }
  }
}

function* checks(snapshot: Snapshot): Labelled<CheckEntry> {
  for (const [labels, server] of servers(snapshot)) {
    for (const [i, check] of server.checks.entries())
      yield [`${labels.slice(0, -1)},check="${i}",type="${check.type}"}`, check];
  }
}

function familiesOf<T>(told: readonly Told<T>[], all: (snapshot: Snapshot) => Labelled<T>): Family[] {
  return told.map(({ value, ...rest }) => ({
    ...rest,
    *samples(snapshot) {
      for (const [labels, entry] of all(snapshot)) {
        const number = value(entry);
        if (number !== undefined) yield [labels, number];
      }
    },
  }));
}

/** All families, in order. @param backends with those of real servers. */
export function healthFamilies(backends: boolean): Family[] {
  if (!backends) return familiesOf(SERVICE, services);
  return [...familiesOf(SERVICE, services), ...familiesOf(SERVER, servers), ...familiesOf(CHECK, checks)];
}
