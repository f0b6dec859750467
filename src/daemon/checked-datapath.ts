/** A data path whose services can have their health checked. */
import type { ActiveCheck } from '../control/check-spec.js';
import type { DestKey, DestSpec, Director, ServiceKey } from '../control/command.js';
import type { EventBody } from '../control/events.js';
import { destId, serviceId } from '../control/resource-id.js';
import { HealthDirector } from '../health/health-director.js';
import { type Answers, startPassive } from '../health/passive.js';
import { ProbeThread, type Way } from '../health/probe-thread.js';
import { SYSTEM_CLOCK } from '../health/prober.js';
import type { HealthEvent } from '../health/service-keeper.js';
import type { Datapath } from './datapath.js';
import type { DownServers } from './down-servers.js';
import type { Logger } from './logger.js';
import type { Seen } from './watcher.js';

/**
 * The same data path, with health checks done from its network namespace.
 * @param netns the namespace's name; the daemon's own when undefined. @param down what the daemon before knew, and the next one is to know
 */
export function checkedDatapath(
  datapath: Datapath,
  netns: string | undefined,
  log: Logger,
  down?: DownServers,
): Datapath {
  const thread = new ProbeThread(netns === undefined ? {} : { netns }, (error) =>
    log.error('health checks have failed, and begin anew', { netns, error: String(error) }),
  );
  const answersOf = answersReader(datapath);
  let seen: (events: readonly Seen[]) => void = () => {};
  const director = new HealthDirector({
    director: datapath,
    check: (service) => (dest, spec, report) => {
      if (spec.type === 'passive') {
        return startPassive(spec, () => answersOf(service, dest), report, SYSTEM_CLOCK);
      }
      const { address } = dest;
      const way = wayOf(datapath, service, dest, spec);
      if (way === undefined) return thread.start({ address, port: spec.port ?? dest.port }, spec, report);
      return thread.start({ address: way.address, port: way.port }, spec, report, way);
    },
    wasDown: (service, dest) => down?.wasDown(service, dest) ?? false,
    clock: SYSTEM_CLOCK,
    onEvent: (event) => {
      logEvent(log, netns, event);
      if (event.kind === 'server') down?.note(event.service, event.dest, event.up);
      const body = bodyOf(event);
      if (body !== undefined) seen([{ time: Date.now(), body }]);
    },
  });
  return {
    defaults: datapath.defaults,
    failed: datapath.failed,
    execute: (name, args) => director.execute(name, args),
    batch: (commands) => director.batch(commands),
    watch: (what, tell) => {
      seen = tell;
      datapath.watch?.(what, tell);
    },
    stop: async (forget) => {
      director.stop();
      await thread.stop();
      await datapath.stop(forget);
    },
  };
}

/** How long what became of the connections to a service's servers is good for all of them, ms. */
const FRESH = 200;

/** What became of clients' connections to a server; undefined where that is not known. The servers of a service are asked for together. */
function answersReader(datapath: Datapath) {
  const known = new WeakMap<ServiceKey, { time: number; all: Promise<ReadonlyMap<string, Answers>> }>();
  const readAll = async (service: ServiceKey) =>
    new Map((await datapath.answers?.(service))?.map((entry) => [destId(entry), entry]));
  return async (service: ServiceKey, dest: DestKey): Promise<Answers | undefined> => {
    const now = performance.now();
    let entry = known.get(service);
    if (entry === undefined || now - entry.time > FRESH) {
      entry = { time: now, all: readAll(service) };
      known.set(service, entry);
    }
    return (await entry.all).get(destId(dest));
  };
}

/** The way of the service's packets to a server, where a check is to take it, and can. */
function wayOf(
  datapath: Datapath,
  service: ServiceKey,
  dest: DestSpec,
  spec: ActiveCheck,
): (Way & DestKey) | undefined {
  if (!('via' in spec) || spec.via === 'server' || datapath.probe === undefined) return undefined;
  // packets to NAT servers have the server's own address, and a mark's have any
  if ((dest.forward !== 'route' && dest.forward !== 'tunnel') || 'fwmark' in service) return undefined;
  const { address, port } = service;
  if (port === 0 || (spec.port !== undefined && spec.port !== port)) return undefined;
  const set = (local: number, to?: DestSpec) =>
    datapath.probe!({ service, port: local, ...(to !== undefined && { dest: to }) });
  return {
    address,
    port,
    near: dest.address,
    pin: (local) => set(local, dest),
    // of a data path that has ended nothing is left
    unpin: (local) => void set(local).catch(() => {}),
  };
}

/** A director that takes what is configured of health, and checks nothing. */
export function uncheckedDirector(director: Director): Director {
  const check = () => () => () => {};
  return new HealthDirector({ director, check, clock: SYSTEM_CLOCK, onEvent: () => {} });
}

function bodyOf(event: HealthEvent): EventBody | undefined {
  const { service } = event;
  switch (event.kind) {
    case 'server': {
      const { dest, up, reason } = event;
      return {
        event: up ? 'server.up' : 'server.down',
        service,
        dest,
        ...(reason !== undefined && { reason }),
      };
    }
    case 'quorum':
      return { event: event.alive ? 'quorum.reached' : 'quorum.lost', service };
    case 'refused':
      return undefined;
  }
}

function logEvent(log: Logger, netns: string | undefined, event: HealthEvent): void {
  const where = { netns, service: serviceId(event.service) };
  switch (event.kind) {
    case 'server': {
      const fields = { ...where, server: destId(event.dest), reason: event.reason };
      if (event.up) log.info('server up', fields);
      else log.warn('server down', fields);
      break;
    }
    case 'quorum':
      if (event.alive) log.info('quorum reached', where);
      else log.warn('quorum lost', where);
      break;
    case 'refused':
      log.error('server not changed', {
        ...where,
        server: destId(event.dest),
        error: event.error.message,
      });
  }
}
