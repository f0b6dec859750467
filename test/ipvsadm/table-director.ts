/** A director that is a mere table, with the kernel's rules on what may be added to it: it stands in for the engine in tests of ipvsadm. */
import type {
  Args,
  CommandName,
  ConnEntry,
  DaemonSpec,
  DestEntry,
  DestKey,
  DestSpec,
  Director,
  Result,
  ServiceEntry,
  ServiceKey,
  ServiceSpec,
} from '../../src/control/command.js';
import { type ErrorCode, IpvsError } from '../../src/errors.js';
import { NO_STATS } from '../support/no-stats.js';

type Handlers = { [N in CommandName]?: (args: Args<N>) => Result<N> };
type Entry = ServiceEntry & { dests: DestEntry[] };

const SCHEDULERS = 'none rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh'.split(' ');
const DEVICES = ['lo', 'c0', 's0'];

/** The identity of a service as a text. */
export function keyText(key: ServiceKey): string {
  return 'fwmark' in key ? `${key.fwmark} ${key.family}` : `${key.protocol} ${key.address} ${key.port}`;
}

/** The table. Tests may put rows into it that no command makes: counters and connections. */
export class TableDirector implements Director {
  readonly services: Entry[] = [];
  readonly conns: ConnEntry[] = [];
  private readonly daemons = new Map<string, DaemonSpec>();
  private timeouts = { tcp: 900, tcpFin: 120, udp: 300 };

  async execute<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> {
    const handler: Handlers[N] = this.handlers[name];
    if (handler === undefined) throw new IpvsError('NOT_SUPPORTED', name);
    return handler(args);
  }

  private readonly handlers: Handlers = {
    info: () => ({
      version: '1.2.1',
      connTabSize: 4096,
      numServices: this.services.length,
      connections: 0,
      connLimit: 1,
      connRefused: 0,
    }),
    'service.add': ({ service }) => {
      if (this.services.some((s) => keyText(s) === keyText(service))) throw new IpvsError('SERVICE_EXISTS');
      checkService(service);
      this.services.push({ ...service, numDests: 0, stats: NO_STATS, dests: [] });
      return null;
    },
    'service.edit': ({ service }) => {
      const entry = this.find(service);
      checkService(service);
      // the old engine goes when none is named
      delete entry.pe;
      Object.assign(entry, service);
      return null;
    },
    'service.delete': ({ service }) => {
      this.services.splice(this.services.indexOf(this.find(service)), 1);
      return null;
    },
    'service.get': ({ service }) => this.find(service),
    'service.list': () => this.services,
    'dest.add': ({ service, dest }) => {
      const { dests } = this.find(service);
      checkDest(dest);
      if (dests.some((d) => sameDest(d, dest))) throw new IpvsError('DEST_EXISTS');
      dests.unshift(destEntry(dest));
      return null;
    },
    'dest.edit': ({ service, dest }) => {
      const { dests } = this.find(service);
      checkDest(dest);
      dests[findDest(dests, dest)] = destEntry(dest);
      return null;
    },
    'dest.delete': ({ service, dest }) => {
      const { dests } = this.find(service);
      dests.splice(findDest(dests, dest), 1);
      return null;
    },
    'dest.list': ({ service }) => this.find(service).dests,
    flush: () => {
      this.services.length = 0;
      return null;
    },
    zero: ({ service }) => {
      if (service) this.find(service);
      return null;
    },
    'timeout.set': ({ tcp, tcpFin, udp }) => {
      const old = this.timeouts;
      this.timeouts = { tcp: tcp || old.tcp, tcpFin: tcpFin || old.tcpFin, udp: udp || old.udp };
      return null;
    },
    'timeout.get': () => this.timeouts,
    'daemon.start': ({ daemon }) => {
      if (!DEVICES.includes(daemon.interface)) throw new IpvsError('NO_DEVICE');
      if (this.daemons.has(daemon.state)) throw new IpvsError('DAEMON_RUNNING');
      const maxlen = daemon.group?.includes(':') ? 1452 : 1472;
      this.daemons.set(daemon.state, { maxlen, group: '224.0.0.81', port: 8848, ttl: 1, ...daemon });
      return null;
    },
    'daemon.stop': ({ state }) => {
      if (!this.daemons.delete(state)) throw new IpvsError('DAEMON_NOT_RUNNING');
      return null;
    },
    'daemon.list': () => ['master', 'backup'].flatMap((state) => this.daemons.get(state) ?? []),
    'conn.list': ({ cursor = 0, limit = 10 }) => {
      // short pages, so that listings have several
      const end = cursor + Math.min(limit, 10);
      const entries = this.conns.slice(cursor, end);
      return end < this.conns.length ? { entries, next: end } : { entries };
    },
  };

  private find(key: ServiceKey): Entry {
    const entry = this.services.find((s) => keyText(s) === keyText(key));
    if (entry === undefined) throw new IpvsError('SERVICE_NOT_FOUND');
    return entry;
  }
}

function checkService({ scheduler, pe }: ServiceSpec): void {
  if (!SCHEDULERS.includes(scheduler)) throw new IpvsError('SCHEDULER_NOT_FOUND');
  if (pe !== undefined && pe !== 'sip') throw new IpvsError('PE_NOT_FOUND');
}

function checkDest({ address, uThreshold, lThreshold }: DestSpec): void {
  const code: ErrorCode | undefined =
    lThreshold > uThreshold
      ? 'OUT_OF_RANGE'
      : /^(22[4-9]|23\d|255\.255\.255\.255|0\.0\.0\.0|ff|fe80|::$)/.test(address)
        ? 'INVALID'
        : undefined;
  if (code) throw new IpvsError(code);
}

function destEntry(dest: DestSpec): DestEntry {
  const tunnel = { tunType: 'ipip', tunPort: 0, tunCsum: 'nocsum' } as const;
  return { ...tunnel, ...dest, activeConns: 0, inactConns: 0, persistConns: 0, stats: NO_STATS };
}

function sameDest(a: DestKey, b: DestKey): boolean {
  return a.address === b.address && a.port === b.port;
}

function findDest(dests: readonly DestKey[], dest: DestKey): number {
  const at = dests.findIndex((d) => sameDest(d, dest));
  if (at < 0) throw new IpvsError('DEST_NOT_FOUND');
  return at;
}
