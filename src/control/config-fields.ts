/** The shapes of configurations, and of what applying one changes. */
import { SYSCTL_NAMES } from '../engine/sysctl.js';
import { IpvsError } from '../errors.js';
import { canonicalDaemon, canonicalDest, canonicalService, canonicalVip } from './canonical.js';
import type {
  Change,
  ConfigText,
  ConfiguredDest,
  ConfiguredService,
  DirectorConfig,
  ServedConfig,
  VipKey,
} from './command.js';
import { withField } from './command-error.js';
import {
  daemonSpec,
  destFields,
  netnsName,
  serviceFields,
  serviceKey,
  vipSpec,
  withDefaults,
} from './fields.js';
import { DEFAULT_POLICY, HEALTH_SHAPES, type HealthSpec, healthPolicy, ownChecks } from './health-fields.js';
import { destId, serviceId } from './resource-id.js';
import {
  described,
  either,
  Faults,
  fieldIn,
  integer,
  list,
  type Named,
  named,
  object,
  oneOf,
  optional,
  type Shape,
  tableOf,
  text,
  withDefault,
} from './shape.js';
import { toServiceUser } from './translate.js';

/** Characters of a configuration at most. */
const TEXT_MAX = 64 * 1024 * 1024;

/** Throws for an entry whose identity an earlier one has. `place` names the list. */
export function refuseTwice<T>(entries: readonly T[], idOf: (entry: T) => string, place: string): void {
  const faults = new Faults();
  const seen = new Map<string, number>();
  for (const [i, entry] of entries.entries()) {
    const id = idOf(entry);
    const before = seen.get(id);
    if (before === undefined) seen.set(id, i);
    else {
      faults.try(() => {
        throw new IpvsError(
          'BAD_REQUEST',
          `${id} is there already, as ${place}[${before}]`,
          `${place}[${i}]`,
        );
      });
    }
  }
  faults.end();
}

/** The word for an address on an interface. */
export function vipId(key: VipKey): string {
  return `${key.address} on ${key.interface}`;
}

const more = {
  health: optional(described(healthPolicy, 'Health checks of its real servers, and what it does by them.')),
  dests: described(withDefault(list(object({ ...destFields, checks: ownChecks })), []), 'The real servers.'),
};
const serviceWithDests = either(
  'fwmark',
  object({ ...serviceFields.mark, ...more }),
  object({ ...serviceFields.address, ...more }),
);

/** A service with its real servers, in the terms that a director reports it in. */
export const configuredService: Named<ConfiguredService> = named('ConfiguredService', {
  ...serviceWithDests,
  read(value, field) {
    const spec = withDefaults(serviceWithDests.read(value, field));
    // a server's own checks are a service's health, too
    const health = spec.health ?? (spec.dests.some(({ checks }) => checks) ? DEFAULT_POLICY : undefined);
    const service = {
      ...canonicalService(spec),
      ...(health !== undefined && { health }),
      dests: spec.dests.map(canonicalConfigured),
    };
    const faults = new Faults();
    faults.try(() => netmaskFits(service, field));
    faults.try(() => refuseTwice(service.dests, destId, fieldIn(field, 'dests')));
    faults.try(() => sorryIsNoServer(service, field));
    faults.end();
    return service;
  },
});

function canonicalConfigured({ checks, ...dest }: ConfiguredDest): ConfiguredDest {
  return { ...canonicalDest(dest), ...(checks !== undefined && { checks }) };
}

function sorryIsNoServer({ health, dests }: ConfiguredService, field: string): void {
  const sorry = health?.sorryServer;
  if (sorry === undefined || !dests.some((dest) => destId(dest) === destId(sorry))) return;
  throw new IpvsError(
    'BAD_REQUEST',
    `${destId(sorry)} is one of the real servers already`,
    fieldIn(field, 'health.sorryServer'),
  );
}

/** Everything about the health of a service, or undefined when its servers are not checked. */
export function healthOf({ health, dests }: ConfiguredService): HealthSpec | undefined {
  if (health === undefined) return undefined;
  const servers = dests.flatMap(({ address, port, checks }) =>
    checks === undefined ? [] : [{ address, port, checks }],
  );
  // the order of servers says nothing
  servers.sort((a, b) => (destId(a) < destId(b) ? -1 : 1));
  return { ...health, servers };
}

/** The service with this about its health: what {@link healthOf} says of it. */
export function withHealth(
  service: ConfiguredService,
  { servers, ...policy }: HealthSpec,
): ConfiguredService {
  const own = new Map(servers.map((server) => [destId(server), server.checks]));
  const dests = service.dests.map((dest) => {
    const checks = own.get(destId(dest));
    return checks === undefined ? dest : { ...dest, checks };
  });
  return { ...service, health: policy, dests };
}

function netmaskFits(service: ConfiguredService, field: string): void {
  try {
    toServiceUser(service);
  } catch (error) {
    throw error instanceof IpvsError ? withField(error, fieldIn(field, error.field ?? '')) : error;
  }
}

const sysctlText = text('a sysctl value', 0, 4096);
/** A sysctl's value: numbers need no quotes. */
const sysctlValue: Shape<string> = {
  what: 'a sysctl value (a number, or a text of numbers)',
  schema: { type: ['string', 'integer'] },
  read(value, field) {
    const written = Number.isSafeInteger(value) ? String(value) : value;
    // sysctl(8) prints tabs between numbers
    return sysctlText.read(typeof written === 'string' ? written.replaceAll('\t', ' ') : written, field);
  },
};

/** Each name may be left out; what is read has only those that are there. */
const sysctls = object(
  Object.fromEntries(SYSCTL_NAMES.map((name) => [name, optional(sysctlValue)])),
) as Shape<Record<string, string>>;
/** The most that the engine's clock can count. */
const TIMEOUT_MAX = 21_474_836;
const timeout = described(optional(integer('a number of seconds', 1, TIMEOUT_MAX)), 'Seconds.');
const services = list(configuredService);
const vips = list(vipSpec);
const sync = list(daemonSpec);

/** A list whose entries differ in their identity, each in its canonical form. */
function distinct<T>(
  entries: Shape<T[]>,
  idOf: (entry: T) => string,
  canonical: (entry: T) => T,
): Shape<T[]> {
  return {
    ...entries,
    read(value, field) {
      const all = entries.read(value, field).map(canonical);
      refuseTwice(all, idOf, field);
      return all;
    },
  };
}

/** What a configuration says of a director, field by field. */
export const directorFields = {
  sysctl: optional(described(sysctls, 'Sysctls, by their names below net.ipv4.vs.')),
  timeouts: optional(
    described(object({ tcp: timeout, tcpFin: timeout, udp: timeout }), 'Connection timeouts.'),
  ),
  vips: optional(
    described(
      distinct(vips, vipId, canonicalVip),
      'All virtual addresses that the daemon puts on interfaces, and takes away again.',
    ),
  ),
  sync: optional(
    described(
      distinct(sync, ({ state }) => `the ${state}`, canonicalDaemon),
      'All synchronisation daemons: at most one master and one backup.',
    ),
  ),
  services: optional(
    described(
      distinct(services, serviceId, (service) => service),
      'All services: those that are not here are removed.',
    ),
  ),
};

/** What a configuration says of a director. */
export const directorConfig: Named<DirectorConfig> = named('DirectorConfig', object(directorFields));

const configs = tableOf(directorConfig);

/** What a configuration says of all that a daemon serves, field by field. */
export const servedFields = {
  ...directorFields,
  namespaces: optional(
    described<Shape<Record<string, DirectorConfig>>>(
      {
        ...configs,
        read(value, field) {
          const all = configs.read(value, field);
          const faults = new Faults();
          for (const name of Object.keys(all)) faults.try(() => netnsName.read(name, fieldIn(field, name)));
          faults.end();
          return all;
        },
      },
      'Other network namespaces than the default one, by their names below /run/netns.',
    ),
  ),
};

/** What a configuration says of all that a daemon serves. */
export const servedConfig: Named<ServedConfig> = named('ServedConfig', object(servedFields));

/** A configuration's text. */
export const configText: Shape<ConfigText> = object({
  text: {
    what: `a text (0..${TEXT_MAX} characters)`,
    schema: { type: 'string', maxLength: TEXT_MAX, description: 'YAML or JSON.' },
    read(value, field) {
      if (typeof value === 'string' && value.length <= TEXT_MAX) return value;
      throw new IpvsError('BAD_REQUEST', `expected ${this.what}`, field);
    },
  } satisfies Shape<string>,
  file: optional(described(text('a file name', 1, 4096), 'What messages call it.')),
});

const anything: Shape<unknown> = { what: 'a value', schema: {}, read: (value) => value };

/** A difference between a configuration and what runs. Only describes results. */
export const change: Named<Change> = named('Change', {
  ...object({
    kind: oneOf('a kind', [
      'sysctl',
      'timeout',
      'vip',
      'sync',
      'service',
      'dest',
      'health',
      'netns',
      'setting',
    ]),
    netns: optional(described(netnsName, 'Absent for the default network namespace.')),
    service: optional(described(serviceKey, 'The service of a real server, or of a health.')),
    before: optional(described(anything, 'Absent for what is added.')),
    after: optional(described(anything, 'Absent for what is removed.')),
  }),
  read: (value) => value as Change,
});

/** All shapes of configurations that have a name of their own. */
export const CONFIG_SHAPES: readonly Named<unknown>[] = [
  ...HEALTH_SHAPES,
  configuredService,
  directorConfig,
  servedConfig,
  change,
];
