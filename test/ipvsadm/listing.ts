/** Puts a table director into the state that recorded listings show: order, counters and connections, which no command makes. */
import type { ConnEntry } from '../../src/control/command.js';
import type { StatsView } from '../../src/engine/stats.js';
import { NO_STATS } from '../support/no-stats.js';
import { keyText, type TableDirector } from './table-director.js';

/** A listed service or real server: what it is called, and the columns behind that. */
interface Row {
  readonly name: string;
  readonly columns: readonly string[];
}

interface ServiceRow extends Row {
  readonly dests: Row[];
}

const COUNTERS = {
  stats: ['conns', 'inpkts', 'outpkts', 'inbytes', 'outbytes'],
  rate: ['cps', 'inpps', 'outpps', 'inbps', 'outbps'],
} as const satisfies Record<string, readonly (keyof StatsView)[]>;

/** The rows of a numeric listing of services. */
function rowsOf(stdout: string): ServiceRow[] {
  const services: ServiceRow[] = [];
  for (const line of stdout.split('\n')) {
    const service = /^(FWM {2}-?\d+(?: IPv6)?|(?:TCP|UDP|SCTP) +\S*\d)(?: (.*))?$/.exec(line);
    const dest = /^ {2}-> (\S*\d) +(.*)$/.exec(line);
    if (service) services.push({ name: service[1]!, columns: words(service[2] ?? ''), dests: [] });
    else if (dest) services.at(-1)!.dests.push({ name: dest[1]!, columns: words(dest[2]!) });
  }
  return services;
}

function words(text: string): string[] {
  return text.split(' ').filter(Boolean);
}

/** Brings services and real servers into the order of a listing made with `--nosort`. */
export function orderAs(director: TableDirector, stdout: string): void {
  const rows = rowsOf(stdout);
  const at = (name: string, among: readonly Row[]) => among.findIndex((row) => row.name === name);
  director.services.sort((a, b) => at(serviceText(a), rows) - at(serviceText(b), rows));
  for (const service of director.services) {
    const { dests } = rows[at(serviceText(service), rows)]!;
    service.dests.sort((a, b) => at(destText(a), dests) - at(destText(b), dests));
  }
}

/** Takes over the counters of a listing made with `--exact` and `--stats` or `--rate`. */
export function countAs(director: TableDirector, stdout: string, mode: keyof typeof COUNTERS): void {
  forEachRow(director, stdout, (thing, columns) => {
    const counters = COUNTERS[mode].map((name, i) => [name, Number(columns[i])]);
    thing.stats = { ...NO_STATS, ...thing.stats, ...Object.fromEntries(counters) };
  });
}

/** Takes over the numbers of connections of a listing made with `--persistent-conn`. */
export function connectAs(director: TableDirector, stdout: string): void {
  forEachRow(director, stdout, (thing, columns) => {
    const [, persistConns, activeConns, inactConns] = columns.map(Number);
    if (!('dests' in thing)) Object.assign(thing, { persistConns, activeConns, inactConns });
  });
}

type Things = TableDirector['services'][number];

function forEachRow(
  director: TableDirector,
  stdout: string,
  visit: (thing: Things | Things['dests'][number], columns: readonly string[]) => void,
): void {
  for (const row of rowsOf(stdout)) {
    const service = director.services.find((s) => serviceText(s) === row.name)!;
    visit(service, row.columns);
    for (const dest of row.dests) visit(service.dests.find((d) => destText(d) === dest.name)!, dest.columns);
  }
}

/** Takes over the connections of a listing made with `-c -n --persistent-conn`. */
export function listConnsAs(director: TableDirector, stdout: string): void {
  for (const line of stdout.split('\n').slice(2)) {
    const [protocol, left, state, client, virtual, dest, peName, peData] = words(line);
    if (protocol === undefined) continue;
    const [minutes, seconds] = left!.split(':').map(Number);
    const [clientAddress, clientPort] = addressAndPort(client!);
    const [virtualAddress, virtualPort] = addressAndPort(virtual!);
    const [destAddress, destPort] = addressAndPort(dest!);
    const entry: ConnEntry = {
      protocol,
      clientAddress,
      clientPort,
      virtualAddress,
      virtualPort,
      destAddress,
      destPort,
      state: state!,
      expires: minutes! * 60 + seconds!,
      origin: 'LOCAL',
      ...(peName && peData && { peName, peData }),
    };
    director.conns.push(entry);
  }
}

function addressAndPort(text: string): [string, number] {
  const colon = text.lastIndexOf(':');
  return [text.slice(0, colon).replace(/[[\]]/g, ''), Number(text.slice(colon + 1))];
}

function destText({ address, port }: { address: string; port: number }): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function serviceText(service: Things): string {
  if ('fwmark' in service) return `FWM  ${service.fwmark | 0}${service.family === 'inet6' ? ' IPv6' : ''}`;
  const [protocol] = keyText(service).split(' ');
  return `${protocol!.toUpperCase().padEnd(4)} ${destText(service)}`;
}
