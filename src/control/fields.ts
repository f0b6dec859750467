/** The shapes of what commands take and give: services, real servers, daemons, connections, statistics. */

import type { StatsView } from '../engine/stats.js';
import { parseInet } from '../wire/inet.js';
import type {
  ConnEntry,
  DaemonSpec,
  DestEntry,
  DestKey,
  DestSpec,
  NetnsEntry,
  ServiceEntry,
  ServiceKey,
  ServiceSpec,
  VipKey,
  VipSpec,
} from './command.js';
import { destOptionFields, drainFields, OPTION_SHAPES, serviceOptionFields } from './option-fields.js';
import {
  boolean,
  described,
  either,
  integer,
  list,
  type Named,
  named,
  number,
  object,
  oneOf,
  optional,
  type Shape,
  text,
  textOf,
  withDefault,
} from './shape.js';

const UINT32_MAX = 0xffffffff;
const INT32_MAX = 0x7fffffff;

/** A transport port. */
export const port = integer('a port', 0, 65535);
/** An IPv4 or IPv6 address. */
export const address = textOf(
  'an IPv4 or IPv6 address',
  { examples: ['10.1.0.100', 'fd00:1::100'] },
  (value) => parseInet(value) !== undefined,
);
/** Seconds, as the kernel's u32. */
export const seconds = integer('a number of seconds', 0, UINT32_MAX);

const protocol = oneOf('a protocol', ['tcp', 'udp', 'sctp']);
const family = oneOf('an address family', ['inet', 'inet6']);
const fwmark = integer('a firewall mark', 1, UINT32_MAX);
const threshold = (max: number) =>
  withDefault(described(integer('a connection threshold', 0, max), 'Connections; 0 for no threshold.'), 0);
const tunType = oneOf('a tunnel type', ['ipip', 'gue', 'gre']);
const tunCsum = oneOf('a tunnel checksum', ['nocsum', 'csum', 'remcsum']);

const addressKey = { protocol, address, port };
const markKey = { fwmark, family: withDefault(family, 'inet') };

/** Identity of a virtual service. */
export const serviceKey: Named<ServiceKey> = named(
  'ServiceKey',
  either('fwmark', object(markKey), object(addressKey)),
);

/** A dotted mask or a prefix length; as a number it is made a text. */
const netmask: Shape<string> = {
  what: 'a dotted mask or a prefix length (1..15 characters)',
  schema: { type: ['string', 'integer'], minLength: 1, maxLength: 15 },
  read(value, field) {
    return text('a netmask', 1, 15).read(typeof value === 'number' ? String(value) : value, field);
  },
};

const serviceConfig = {
  scheduler: described(withDefault(text('a scheduler name', 1, 15), 'wlc'), 'Scheduler name, or `none`.'),
  flags: described(
    withDefault(list(oneOf('a service flag', ['persistent', 'ops', 'flag-1', 'flag-2', 'flag-3'])), []),
    'flag-1 is sh-fallback and mh-fallback, flag-2 is sh-port and mh-port.',
  ),
  timeout: described(
    optional(seconds),
    'Persistence timeout, seconds. Default 360 with the flag `persistent`, else 0.',
  ),
  netmask: described(
    optional(netmask),
    'Persistence granularity: a dotted mask (IPv4) or a prefix length (IPv6). Default: one host.',
  ),
  pe: optional(text('a persistence engine name', 1, 15)),
  ...serviceOptionFields,
};

/** What of a service can be changed. */
export const serviceSettings = named('ServiceSettings', object(serviceConfig));

const bareServiceSpec = either(
  'fwmark',
  object({ ...markKey, ...serviceConfig }),
  object({ ...addressKey, ...serviceConfig }),
);

/** Identity and configuration of a virtual service. What is left out has ipvsadm's defaults. */
export const serviceSpec: Named<ServiceSpec> = named('ServiceSpec', {
  ...bareServiceSpec,
  read: (value, field) => withDefaults(bareServiceSpec.read(value, field)),
});

/** The service with the defaults that depend on its other settings. */
export function withDefaults<T extends ServiceKey & { flags: string[]; timeout?: number; netmask?: string }>(
  spec: T,
) {
  const hostMask = familyOf(spec) === 'inet' ? '255.255.255.255' : '128';
  return {
    ...spec,
    timeout: spec.timeout ?? (spec.flags.includes('persistent') ? 360 : 0),
    netmask: spec.netmask ?? hostMask,
  };
}

/** Family of a service: the mark's, or that of its address. */
export function familyOf(key: ServiceKey): 'inet' | 'inet6' {
  if ('fwmark' in key) return key.family;
  return key.address.includes(':') ? 'inet6' : 'inet';
}

/** The identity alone of a service that may have more. */
export function keyOf(service: ServiceKey): ServiceKey {
  if ('fwmark' in service) return { fwmark: service.fwmark, family: service.family };
  return { protocol: service.protocol, address: service.address, port: service.port };
}

const destIdentity = { address, port };

/** Identity of a real server. */
export const destKey: Named<DestKey> = named('DestKey', object(destIdentity));

const destConfig = {
  forward: withDefault(oneOf('a forwarding method', ['masq', 'route', 'tunnel', 'local', 'bypass']), 'route'),
  weight: described(
    withDefault(integer('a weight', -INT32_MAX - 1, INT32_MAX), 1),
    '0 takes no new connections.',
  ),
  uThreshold: threshold(INT32_MAX),
  lThreshold: threshold(UINT32_MAX),
};

const tunnelConfig = { tunType: optional(tunType), tunPort: optional(port), tunCsum: optional(tunCsum) };

/** What of a real server can be changed. */
export const destSettings = named(
  'DestSettings',
  object({ ...destConfig, ...tunnelConfig, ...destOptionFields }),
);

/** A real server. What is left out has ipvsadm's defaults. */
export const destSpec: Named<DestSpec> = named(
  'DestSpec',
  object({ ...destIdentity, ...destConfig, ...tunnelConfig, ...destOptionFields }),
);

/** The fields of a real server, for shapes that have more. */
export const destFields = { ...destIdentity, ...destConfig, ...tunnelConfig, ...destOptionFields };

/** The fields of a service, for shapes that have more: of one with a firewall mark, and of one with an address. */
export const serviceFields = {
  mark: { ...markKey, ...serviceConfig },
  address: { ...addressKey, ...serviceConfig },
};

/** The ten numbers of a listing. */
export const statsView: Named<StatsView> = named(
  'Stats',
  object({
    conns: number,
    inpkts: number,
    outpkts: number,
    inbytes: number,
    outbytes: number,
    cps: number,
    inpps: number,
    outpps: number,
    inbps: number,
    outbps: number,
  }),
);

const entryConfig = {
  ...serviceConfig,
  timeout: seconds,
  netmask: text('a netmask', 1, 15),
  stats: statsView,
  numDests: number,
};

/** A service as listed. */
export const serviceEntry: Named<ServiceEntry> = named(
  'ServiceEntry',
  either('fwmark', object({ ...markKey, ...entryConfig }), object({ ...addressKey, ...entryConfig })),
);

/** A real server as listed. */
export const destEntry: Named<DestEntry> = named(
  'DestEntry',
  object({
    ...destIdentity,
    ...destConfig,
    tunType,
    tunPort: port,
    tunCsum,
    ...destOptionFields,
    draining: optional(
      described(
        object({
          weight: described(number, 'What it has when it is to stay after all.'),
          end: drainFields.end,
          left: optional(described(number, 'Seconds until the deadline, if there is one.')),
        }),
        'Of one that is being drained.',
      ),
    ),
    activeConns: number,
    inactConns: number,
    persistConns: number,
    stats: statsView,
  }),
);

/** Which of the two synchronisation daemons. */
export const daemonState = oneOf('a daemon state', ['master', 'backup']);

const daemonConfig = {
  interface: text('an interface name', 0, 15),
  syncid: integer('a sync id', 0, 255),
  maxlen: optional(described(integer('a message length', 0, 65535), 'Bytes; 0 for the default.')),
  group: optional(address),
  port: optional(port),
  ttl: optional(integer('a TTL', 0, 255)),
};

/** What of a synchronisation daemon is chosen. */
export const daemonSettings = named('DaemonSettings', object(daemonConfig));

/** A synchronisation daemon. */
export const daemonSpec: Named<DaemonSpec> = named(
  'DaemonSpec',
  object({ state: daemonState, ...daemonConfig }),
);

/** Name of a network namespace below /run/netns. */
export const netnsName: Shape<string> = textOf(
  'a network namespace name (1..64 characters, no slash)',
  { pattern: '^[^/]{1,64}$' },
  (value) => /^[^/\0]{1,64}$/.test(value) && value !== '.' && value !== '..',
);

/** A network namespace that a daemon serves. */
export const netnsEntry: Named<NetnsEntry> = named(
  'NetnsEntry',
  object({
    name: optional(described(netnsName, 'Absent for the namespace that the daemon itself is in.')),
    default: described(boolean, 'Requests that name no namespace go here.'),
  }),
);

const vipIdentity = { address, interface: text('an interface name', 1, 15) };

/** Identity of a virtual address on an interface. */
export const vipKey: Named<VipKey> = named('VipKey', object(vipIdentity));

/** A virtual address on an interface. */
export const vipSpec: Named<VipSpec> = named(
  'VipSpec',
  object({
    ...vipIdentity,
    prefixLength: optional(
      described(integer('a prefix length', 1, 128), 'Bits of its network. Default: one host.'),
    ),
  }),
);

/** A connection as listed. */
export const connEntry: Named<ConnEntry> = named(
  'ConnEntry',
  object({
    protocol: text('a protocol', 1, 8),
    clientAddress: address,
    clientPort: port,
    virtualAddress: address,
    virtualPort: port,
    destAddress: address,
    destPort: port,
    state: text('a state', 1, 20),
    expires: described(number, 'Seconds left.'),
    origin: oneOf('an origin', ['LOCAL', 'SYNC']),
    peName: optional(text('a persistence engine name', 1, 15)),
    peData: optional(text('persistence data', 0, 255)),
  }),
);

/** All shapes with a name of their own. */
export const NAMED_SHAPES: readonly Named<unknown>[] = [
  ...OPTION_SHAPES,
  serviceKey,
  serviceSettings,
  serviceSpec,
  serviceEntry,
  destKey,
  destSettings,
  destSpec,
  destEntry,
  daemonSettings,
  daemonSpec,
  connEntry,
  netnsEntry,
  statsView,
  vipKey,
  vipSpec,
];
