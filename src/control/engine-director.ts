/** The director that is the engine itself: checks commands, translates them, and carries them out at once. */

import { countConns } from '../engine/conn-count.js';
import { engineCounters } from '../engine/counters.js';
import type { Dest } from '../engine/dest.js';
import { explain, hookOf } from '../engine/explain/explain.js';
import type { Net } from '../engine/net.js';
import type { NetnsIpvs } from '../engine/netns-ipvs.js';
import type { Service } from '../engine/service.js';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../engine/verdict.js';
import { IpvsError } from '../errors.js';
import type {
  Args,
  CommandName,
  DestEntry,
  Director,
  NetnsCommand,
  Result,
  ServiceEntry,
  ServiceKey,
  ServicePageEntry,
} from './command.js';
import { withField } from './command-error.js';
import { CONN_COUNT_PART, CONN_PAGE, commandName, readArgs, SERVICE_PAGE } from './command-table.js';
import { toConnFilter } from './conn-filter.js';
import { drainingState, drainList } from './drain-list.js';
import { toPacket } from './packet-spec.js';
import { fieldIn } from './shape.js';
import {
  fromDaemon,
  fromDest,
  fromService,
  toDaemonUser,
  toDestId,
  toDestUser,
  toServiceId,
  toServiceUser,
} from './translate.js';

/** Version of IPVS that this is an implementation of. */
export const IPVS_VERSION = '1.2.1';

/** Commands about one namespace's IPVS. The others are about the machine and the daemon. */
export type EngineCommand = Exclude<
  CommandName,
  NetnsCommand | 'upgrade' | `vip.${string}` | `health.${string}` | `config.${string}`
>;

type Handlers = { readonly [N in EngineCommand]: (net: Net, args: Args<N>) => Result<N> };

const HOOKS = { input: NF_INET_LOCAL_IN, forward: NF_INET_FORWARD, output: NF_INET_LOCAL_OUT } as const;

/** The result of a command that gives nothing. */
function quietly(_done: unknown): null {
  return null;
}

const HANDLERS: Handlers = {
  info: ({ ipvs, connTabBits }) => ({
    version: IPVS_VERSION,
    connTabSize: 2 ** connTabBits,
    numServices: ipvs.services.size,
    connections: ipvs.conns.count,
    connLimit: ipvs.conns.limit,
    connRefused: ipvs.connRefused,
  }),
  'service.add': ({ ipvs }, { service }) => quietly(ipvs.addService(toServiceUser(service))),
  'service.edit': ({ ipvs }, { service, replace }) =>
    quietly(ipvs.editService(toServiceUser(service, replace))),
  'service.delete': ({ ipvs }, { service }) => quietly(ipvs.delService(toServiceId(service))),
  'service.get': (net, { service }) => serviceEntry(net, find(net.ipvs, service)),
  'service.list': (net) => Array.from(net.ipvs.services, (svc) => serviceEntry(net, svc)),
  'dest.add': ({ ipvs }, { service, dest }) => quietly(ipvs.addDest(toServiceId(service), toDestUser(dest))),
  'dest.edit': ({ ipvs }, { service, dest, replace }) =>
    quietly(ipvs.editDest(toServiceId(service), toDestUser(dest, replace))),
  'dest.delete': ({ ipvs }, { service, dest }) => quietly(ipvs.delDest(toServiceId(service), toDestId(dest))),
  'dest.list': ({ ipvs }, { service }) =>
    find(ipvs, service).destinations.map((dest) => destEntry(ipvs, dest)),
  'dest.drain': ({ ipvs }, { service, dest, deadline, end }) =>
    quietly(ipvs.drainDest(toServiceId(service), toDestId(dest), { deadline: deadline!, end: end! })),
  'dest.undrain': ({ ipvs }, { service, dest }) =>
    quietly(ipvs.undrainDest(toServiceId(service), toDestId(dest))),
  'drain.list': ({ ipvs }) => drainList(ipvs),
  flush: ({ ipvs }) => quietly(ipvs.flush()),
  zero: ({ ipvs }, { service }) => quietly(ipvs.zero(service && toServiceId(service))),
  stats: ({ ipvs }) => ipvs.statsView(ipvs.totStats),
  'timeout.set': ({ ipvs }, args) => quietly(ipvs.setTimeouts(args)),
  'timeout.get': ({ ipvs }) => ipvs.getTimeouts(),
  'daemon.start': ({ ipvs }, { daemon }) => quietly(ipvs.startDaemon(toDaemonUser(daemon))),
  'daemon.stop': ({ ipvs }, { state }) => quietly(ipvs.stopDaemon(state)),
  'daemon.list': ({ ipvs }) => ipvs.daemons().map(fromDaemon),
  'conn.list': ({ ipvs }, { cursor = 0, limit = CONN_PAGE, ...filter }) =>
    ipvs.listConns(cursor, limit, toConnFilter(filter)),
  'conn.count': ({ ipvs }, { cursor = 0 }) => countConns(ipvs, cursor, CONN_COUNT_PART),
  'service.page': (net, { cursor = 0, limit = SERVICE_PAGE }) => servicePage(net, cursor, limit),
  counters: ({ ipvs }) => engineCounters(ipvs),
  'sysctl.get': ({ ipvs }, { name }) => ipvs.sysctls.get(name),
  'sysctl.set': ({ ipvs }, { name, value }) => quietly(ipvs.sysctls.set(name, value)),
  'sysctl.list': ({ ipvs }) => ipvs.sysctls.list(),
  explain: (net, { packet }) => {
    const p = toPacket(packet);
    return explain(net, p, packet.hook === undefined ? hookOf(net, p) : HOOKS[packet.hook]);
  },
  proc: ({ ipvs }, { name }) => ipvs.proc(name),
};

function find(ipvs: NetnsIpvs, key: ServiceKey): Service {
  const svc = ipvs.findService(toServiceId(key));
  if (svc === undefined) throw new IpvsError('SERVICE_NOT_FOUND');
  return svc;
}

function serviceEntry(net: Net, svc: Service): ServiceEntry {
  return {
    ...fromService(svc, net.hz),
    stats: net.ipvs.statsView(svc.stats),
    numDests: svc.destinations.length,
  };
}

/** Services by their number in listings. */
function servicePage(net: Net, cursor: number, limit: number): Result<'service.page'> {
  const entries: ServicePageEntry[] = [];
  let number = -1;
  for (const svc of net.ipvs.services) {
    if (++number < cursor) continue;
    if (entries.length === limit) return { entries, next: number };
    const dests = svc.destinations.map((dest) => destEntry(net.ipvs, dest));
    entries.push({ service: serviceEntry(net, svc), dests });
  }
  return { entries };
}

function destEntry(ipvs: NetnsIpvs, dest: Dest): DestEntry {
  return {
    ...fromDest(dest),
    activeConns: dest.activeconns,
    inactConns: dest.inactconns,
    persistConns: dest.persistconns,
    ...drainingState(ipvs, dest),
    stats: ipvs.statsView(dest.stats),
  };
}

/** The engine names fields of the thing at hand; here they are fields of the argument that is that thing. */
function inArgument(error: IpvsError, name: CommandName): IpvsError {
  const argument = /^(service|dest|daemon)\./.exec(name)?.[1];
  if (error.field === undefined || argument === undefined) return error;
  return withField(error, fieldIn(argument, error.field));
}

function isEngineCommand(name: CommandName): name is EngineCommand {
  return Object.hasOwn(HANDLERS, name);
}

/** Carries out commands on the IPVS of one network namespace. */
export class EngineDirector implements Director {
  private readonly net: Net;
  private readonly datapathCounters: () => object;

  /** @param datapathCounters numbers by name, which `counters` tells with the engine's own. */
  constructor(net: Net, datapathCounters: () => object = () => ({})) {
    this.net = net;
    this.datapathCounters = datapathCounters;
  }

  /** Rejects with BAD_REQUEST naming the field when the command is malformed, and with the kernel's errors. */
  async execute<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> {
    commandName(name, 'command');
    const checked = readArgs(name, args);
    if (!isEngineCommand(name)) throw new IpvsError('NOT_SUPPORTED', `${name}: only a daemon does this`);
    // what it carried has happened
    this.net.ipvs.fastPath?.replay(this.net.jiffies);
    try {
      const result = HANDLERS[name](this.net, checked as Args<EngineCommand> as never) as Result<N>;
      return name === 'counters'
        ? ({ ...(result as object), ...this.datapathCounters() } as Result<N>)
        : result;
    } catch (error) {
      throw error instanceof IpvsError ? inArgument(error, name) : error;
    }
  }
}
