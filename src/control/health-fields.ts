/** What is configured and told of the health of services. */
import { canonicalDest } from './canonical.js';
import { type CheckSpec, type CheckType, checkSpec } from './check-spec.js';
import type { DestKey, DestSpec, ServiceKey } from './command.js';
import { address, destSpec, port, serviceKey } from './fields.js';
import {
  anyText,
  boolean,
  described,
  integer,
  list,
  type Named,
  named,
  number,
  object,
  oneOf,
  optional,
  type Shape,
  withDefault,
} from './shape.js';

/** Checks of one service's servers at most, each. */
const CHECKS_MAX = 20;
const INT32_MAX = 0x7fffffff;

/** What a service does about the health of its servers. */
export interface HealthPolicy {
  /** Of each server that has none of its own; it is up when all of them say so. */
  checks: CheckSpec[];
  /** Weight of the servers that are up, together, below which the service is lost. */
  quorum: number;
  /** How far the weight must be above the quorum before the service is there again, and below before it is lost. */
  hysteresis: number;
  /** A server that is down keeps its place with weight 0 (its connections go on), or is removed. */
  onFailure: 'quiesce' | 'remove';
  /** Takes everything while the service is lost. */
  sorryServer?: DestSpec;
  /** Time in which the weight of a server that comes back grows to its own, ms; 0 for none. */
  slowStart: number;
}

/** The checks that one server has instead of its service's. */
export interface ServerChecks extends DestKey {
  checks: CheckSpec[];
}

/** Everything about the health of a service. */
export interface HealthSpec extends HealthPolicy {
  servers: ServerChecks[];
}

/** One check of one server. */
export interface CheckEntry {
  type: CheckType;
  /** Where it asks. */
  port: number;
  up: boolean;
  /** Why the last one failed; absent when it did not. */
  reason?: string;
  /** How long the last one took, ms; absent before the first. */
  took?: number;
  /** Answers so far, how many of them were failures, and how often the state has changed. */
  count: number;
  failures: number;
  changes: number;
}

/** The health of one server. */
export interface ServerEntry {
  /** As it is configured. */
  dest: DestSpec;
  /** The weight that it has now; absent while it is removed. */
  weight?: number;
  up: boolean;
  /** Since when it has been so: ISO 8601, UTC. */
  since: string;
  checks: CheckEntry[];
}

/** The health of one service. */
export interface HealthEntry {
  service: ServiceKey;
  health: HealthSpec;
  /** Whether the quorum is reached. */
  alive: boolean;
  servers: ServerEntry[];
}

const checks: Shape<CheckSpec[]> = list(checkSpec, CHECKS_MAX);
const weight = (noun: string, least: number) => integer(noun, least, INT32_MAX);

const canonicalSorry: Shape<DestSpec> = {
  ...destSpec,
  read: (value, field) => canonicalDest(destSpec.read(value, field)),
};

/** The checks of a server in a configuration. */
export const ownChecks = optional(
  described(checks, "Health checks of this server, instead of its service's; an empty list for none."),
);

const policyFields = {
  checks: described(
    withDefault(checks, []),
    'Checks of each server that has none of its own; a server is up when all of them say so.',
  ),
  quorum: described(
    withDefault(weight('a weight', 1), 1),
    'Weight of the servers that are up, together, below which the service is lost.',
  ),
  hysteresis: described(
    withDefault(weight('a weight', 0), 0),
    'How far above the quorum the weight must be to be reached again, and below to be lost.',
  ),
  onFailure: described(
    withDefault(oneOf('a way', ['quiesce', 'remove']), 'quiesce'),
    'quiesce: a server that is down has weight 0, its connections go on; remove: it is removed.',
  ),
  sorryServer: optional(described(canonicalSorry, 'Takes everything while the service is lost.')),
  slowStart: described(
    withDefault(integer('a number of milliseconds', 0, 86_400_000), 0),
    'Time in which the weight of a server that comes back grows to its own, ms.',
  ),
};

/** What a service does about the health of its servers, in a configuration. */
export const healthPolicy: Named<HealthPolicy> = named('HealthPolicy', object(policyFields));

const serverChecks: Shape<ServerChecks> = object({ address, port, checks });

/** Everything about the health of a service. */
export const healthSpec: Named<HealthSpec> = named(
  'HealthSpec',
  object({
    ...policyFields,
    servers: described(withDefault(list(serverChecks), []), 'Servers with checks of their own.'),
  }),
);

/** Of a service that says nothing but that it has servers with checks of their own. */
export const DEFAULT_POLICY: HealthPolicy = healthPolicy.read({}, '');

const checkEntry: Shape<CheckEntry> = object({
  type: anyText as Shape<CheckType>,
  port: number,
  up: boolean,
  reason: optional(anyText),
  took: optional(described(number, 'ms')),
  count: number,
  failures: number,
  changes: number,
});

/** The health of one service. */
export const healthEntry: Named<HealthEntry> = named(
  'HealthEntry',
  object({
    service: serviceKey,
    health: healthSpec,
    alive: described(boolean, 'Whether the quorum is reached.'),
    servers: list(
      object({
        dest: described(destSpec, 'As it is configured.'),
        weight: optional(described(number, 'What it has now; absent while it is removed.')),
        up: boolean,
        since: anyText,
        checks: list(checkEntry),
      }),
    ),
  }),
);

/** All shapes about health that have a name of their own. */
export const HEALTH_SHAPES: readonly Named<unknown>[] = [checkSpec, healthPolicy, healthSpec, healthEntry];
