/** The metrics: names, types, help, and where their samples come from. Labels of services and servers are those of node_exporter's ipvs collector. */
import type { StatsView } from '../../engine/stats.js';
import type { DestEntry, ServiceEntry, ServiceKey, ServicePageEntry } from '../command.js';
import type { Snapshot } from './snapshot.js';

/** Labels in the order in which they are written. */
export type Labels = Readonly<Record<string, string>>;

/** One family of metrics. Names of counters have their `_total`. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** Of the daemon, not of a namespace. */
  readonly once?: boolean;
  samples(snapshot: Snapshot): Iterable<readonly [labels: string, value: number]>;
}

/** Of services and servers, too. */
interface Counted<T> {
  readonly suffix: string;
  readonly type: Family['type'];
  readonly help: string;
  value(entry: T): number;
}

type Numbered<K extends string> = { readonly [N in K]: number };
const counter = <K extends keyof StatsView>(
  suffix: string,
  what: string,
  key: K,
): Counted<{ stats: Numbered<K> }> => ({
  suffix: `${suffix}_total`,
  type: 'counter',
  help: what,
  value: ({ stats }) => stats[key],
});
const rate = <K extends keyof StatsView>(
  suffix: string,
  what: string,
  key: K,
): Counted<{ stats: Numbered<K> }> => ({
  suffix: `${suffix}_per_second`,
  type: 'gauge',
  help: `${what} a second, as the director's estimator has it.`,
  value: ({ stats }) => stats[key],
});

const TOTALS: Counted<{ stats: StatsView }>[] = [
  counter('connections', 'Connections scheduled.', 'conns'),
  counter('incoming_packets', 'Packets from clients.', 'inpkts'),
  counter('outgoing_packets', 'Packets to clients that passed the director.', 'outpkts'),
  counter('incoming_bytes', 'Bytes from clients, IP headers included.', 'inbytes'),
  counter('outgoing_bytes', 'Bytes to clients that passed the director, IP headers included.', 'outbytes'),
];
const RATES: Counted<{ stats: StatsView }>[] = [
  rate('connections', 'Connections scheduled', 'cps'),
  rate('incoming_packets', 'Packets from clients', 'inpps'),
  rate('outgoing_packets', 'Packets to clients', 'outpps'),
  rate('incoming_bytes', 'Bytes from clients', 'inbps'),
  rate('outgoing_bytes', 'Bytes to clients', 'outbps'),
];
const SERVICE: Counted<ServiceEntry>[] = [
  ...TOTALS,
  ...RATES,
  { suffix: 'backends', type: 'gauge', help: 'Real servers.', value: ({ numDests }) => numDests },
];
const BACKEND: Counted<DestEntry>[] = [
  ...TOTALS,
  {
    suffix: 'weight',
    type: 'gauge',
    help: 'Weight; 0 takes no new connections.',
    value: ({ weight }) => weight,
  },
  {
    suffix: 'connections_active',
    type: 'gauge',
    help: 'Active connections.',
    value: ({ activeConns }) => activeConns,
  },
  {
    suffix: 'connections_inactive',
    type: 'gauge',
    help: 'Inactive connections.',
    value: ({ inactConns }) => inactConns,
  },
  {
    suffix: 'connections_persistent',
    type: 'gauge',
    help: 'Templates of persistent clients.',
    value: ({ persistConns }) => persistConns,
  },
];

const DROPS = 'ipvsd_drops_total';

/** Counters by name: metric, type, help (of the first of a metric), further labels. */
const COUNTERS: readonly (readonly [
  key: string,
  name: string,
  type: Family['type'],
  help: string,
  labels?: Labels,
])[] = [
  ['services', 'ipvsd_services', 'gauge', 'Virtual services.'],
  ['connections', 'ipvsd_connection_table_entries', 'gauge', 'Connections and templates in the table.'],
  [
    'connLimit',
    'ipvsd_connection_table_limit',
    'gauge',
    'Connections and templates that the table can hold.',
  ],
  [
    'destTrash',
    'ipvsd_removed_backends',
    'gauge',
    'Removed real servers that connections may still refer to.',
  ],
  ['packets', 'ipvsd_datapath_packets_total', 'counter', 'Packets that came to the engine.'],
  [
    'handedOver',
    'ipvsd_datapath_handed_over_total',
    'counter',
    'Packets of these that came by the ring buffer, not by a TUN device.',
  ],
  ['accepted', 'ipvsd_datapath_accepted_total', 'counter', "Packets left to the host's own stack."],
  ['forwarded', 'ipvsd_datapath_forwarded_total', 'counter', 'Packets sent on or used up by the engine.'],
  ['fragments', 'ipvsd_datapath_fragments_total', 'counter', 'Fragments taken for reassembly.'],
  ['carried', 'ipvsd_fast_path_connections', 'gauge', 'Connections carried by the fast path now.'],
  ['installed', 'ipvsd_fast_path_installed_total', 'counter', 'Connections that have come to be carried.'],
  ['opened', 'ipvsd_fast_path_opened_total', 'counter', 'Of these, those that the fast path has opened.'],
  [
    'reported',
    'ipvsd_fast_path_reports_total',
    'counter',
    'Packets that the fast path carried and told the engine of.',
  ],
  ['mapFull', 'ipvsd_fast_path_refused_total', 'counter', 'Connections that the fast path had no room for.'],
  [
    'tcPackets',
    'ipvsd_fast_path_packets_total',
    'counter',
    'Packets that the fast path has carried.',
    { tier: 'tc' },
  ],
  ['xdpPackets', 'ipvsd_fast_path_packets_total', 'counter', '', { tier: 'xdp' }],
  ['icmpSent', 'ipvsd_icmp_errors_sent_total', 'counter', 'ICMP errors sent.'],
  ['dropped', 'ipvsd_datapath_dropped_total', 'counter', 'Packets dropped by the engine.'],
  [
    'defenceDropped',
    DROPS,
    'counter',
    'Packets, connections and errors that were given up, by reason.',
    { reason: 'drop_packet' },
  ],
  ['connRefused', DROPS, 'counter', '', { reason: 'connection_table_full' }],
  ['malformed', DROPS, 'counter', '', { reason: 'malformed' }],
  ['unresolved', DROPS, 'counter', '', { reason: 'no_neighbour' }],
  ['refused', DROPS, 'counter', '', { reason: 'output_refused' }],
  ['icmpLimited', DROPS, 'counter', '', { reason: 'icmp_rate_limit' }],
  ['syncMessagesSent', 'ipvsd_sync_messages_sent_total', 'counter', 'Synchronisation messages sent.'],
  ['syncBytesSent', 'ipvsd_sync_sent_bytes_total', 'counter', 'Bytes of synchronisation messages sent.'],
  [
    'syncMessagesQueued',
    'ipvsd_sync_messages_queued',
    'gauge',
    'Synchronisation messages that wait to be sent.',
  ],
  [
    'syncMessagesDiscarded',
    'ipvsd_sync_messages_discarded_total',
    'counter',
    'Synchronisation messages thrown away because too many waited.',
  ],
  [
    'syncMessagesReceived',
    'ipvsd_sync_messages_received_total',
    'counter',
    'Synchronisation messages received.',
  ],
  [
    'syncMessagesMalformed',
    'ipvsd_sync_messages_malformed_total',
    'counter',
    'Synchronisation messages received that could not be used.',
  ],
];

/** Labels as they are written, with braces; values escaped. */
export function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Labels that say which service it is. */
export function serviceLabels(service: ServiceKey): Labels {
  return 'fwmark' in service
    ? {
        proto: 'FWM',
        local_address: service.family === 'inet' ? '0.0.0.0' : '::',
        local_port: '0',
        local_mark: String(service.fwmark),
      }
    : {
        proto: service.protocol.toUpperCase(),
        local_address: service.address,
        local_port: String(service.port),
        local_mark: '',
      };
}

/** A service with its labels as text. */
interface Labelled {
  readonly labels: string;
  readonly service: ServiceEntry;
  readonly dests: readonly { readonly labels: string; readonly dest: DestEntry }[];
}

/** Labels are written once, and are in every family. */
const known = new WeakMap<ServicePageEntry, Labelled>();

/** The name that a thing was given. */
function named(label: 'service' | 'server', { name }: { readonly name?: string }): Labels {
  return name === undefined ? {} : { [label]: name };
}

/** Labels of a thing's own beside those that say which it is. */
function* withOwn(
  labels: string,
  { labels: own = {} }: { readonly labels?: Labels },
): Generator<readonly [string, number]> {
  const given = Object.entries(own).map(([name, value]) => [`label_${name}`, value] as const);
  if (given.length === 0) return;
  yield [`${labels.slice(0, -1)},${labelText(Object.fromEntries(given)).slice(1)}`, 1];
}

/** Services one by one, so that writing the labels of very many does not hold anybody up. */
function* labelled({ netns, services }: Snapshot): Generator<Labelled> {
  for (const entry of services) {
    let made = known.get(entry);
    if (made === undefined) {
      made = withLabels(netns, entry);
      known.set(entry, made);
    }
    yield made;
  }
}

function withLabels(netns: string, { service, dests }: ServicePageEntry): Labelled {
  const labels = labelText({ netns, ...serviceLabels(service), ...named('service', service) });
  const open = labels.slice(0, -1);
  const servers = dests.map((dest) => ({
    labels: `${open},remote_address="${dest.address}",remote_port="${dest.port}"${labelText(named('server', dest)).replace(/^\{(.*)\}$/, ',$1')}}`,
    dest,
  }));
  return { labels, service, dests: servers };
}

/** All families, in order. @param backends with those of real servers. */
export function families(backends: boolean): Family[] {
  const own = ({ netns }: Snapshot): Labels => ({ netns });
  const byName = new Map<string, Family>();
  for (const [key, name, type, help, more] of COUNTERS) {
    const before = byName.get(name);
    byName.set(name, {
      name,
      type,
      help: before?.help ?? help,
      *samples(snapshot) {
        if (before !== undefined) yield* before.samples(snapshot);
        const value = snapshot.counters[key];
        if (value !== undefined) yield [labelText({ ...own(snapshot), ...more }), value];
      },
    });
  }
  const totals = [...TOTALS, ...RATES].map(
    ({ suffix, type, help, value }): Family => ({
      name: `ipvsd_${suffix}`,
      type,
      help,
      *samples(snapshot) {
        yield [labelText(own(snapshot)), value(snapshot)];
      },
    }),
  );
  const states: Family = {
    name: 'ipvsd_connections_by_state',
    type: 'gauge',
    help: 'Connections in the table, by protocol and state; templates apart.',
    *samples(snapshot) {
      for (const { protocol, state, template, count } of snapshot.states) {
        yield [labelText({ ...own(snapshot), proto: protocol, state, template: String(template) }), count];
      }
    },
  };
  const services = SERVICE.map(
    ({ suffix, type, help, value }): Family => ({
      name: `ipvsd_service_${suffix}`,
      type,
      help,
      *samples(snapshot) {
        for (const { labels, service } of labelled(snapshot)) yield [labels, value(service)];
      },
    }),
  );
  const servers = BACKEND.map(
    ({ suffix, type, help, value }): Family => ({
      name: `ipvsd_backend_${suffix}`,
      type,
      help,
      *samples(snapshot) {
        for (const { dests } of labelled(snapshot)) {
          for (const { labels, dest } of dests) yield [labels, value(dest)];
        }
      },
    }),
  );
  const serviceInfo: Family = {
    name: 'ipvsd_service_info',
    type: 'gauge',
    help: 'Always 1, with the labels that a service was given, for joining.',
    *samples(snapshot) {
      for (const { labels, service } of labelled(snapshot)) yield* withOwn(labels, service);
    },
  };
  const serverInfo: Family = {
    name: 'ipvsd_backend_info',
    type: 'gauge',
    help: 'Always 1, with the labels that a real server was given, for joining.',
    *samples(snapshot) {
      for (const { dests } of labelled(snapshot)) {
        for (const { labels, dest } of dests) yield* withOwn(labels, dest);
      }
    },
  };
  return [
    ...byName.values(),
    ...totals,
    states,
    ...services,
    serviceInfo,
    ...(backends ? [...servers, serverInfo] : []),
  ];
}
