/** What is true of an engine whenever no packet and no command is in work, whatever it was given before. */
import assert from 'node:assert/strict';
import { Dest } from '../../src/engine/dest.js';
import { CONN_F_FWD_MASK, CONN_F_MASQ, CONN_F_TUNNEL, SVC_F_HASHED } from '../../src/engine/flags.js';
import type { NetnsIpvs } from '../../src/engine/netns-ipvs.js';
import { FTP_PORT } from '../../src/engine/schedule.js';
import { AddressCache } from '../../src/engine/schedulers/address-cache.js';
import { DestSet } from '../../src/engine/schedulers/dest-set.js';
import type { Service } from '../../src/engine/service.js';
import type { Stats } from '../../src/engine/stats.js';
import { SYNC_STATE_BACKUP, SYNC_STATE_MASTER } from '../../src/engine/sync/daemon.js';
import { AF_INET, AF_INET6 } from '../../src/wire/inet.js';
import { checkConns, checkConnTable, countByDest, type Wrong } from './conn-invariants.js';

/** @throws AssertionError naming everything that is wrong. */
export function assertInvariants(ipvs: NetnsIpvs): void {
  assert.deepEqual(brokenInvariants(ipvs), []);
}

/** What is wrong, nothing in an engine that works. */
export function brokenInvariants(ipvs: NetnsIpvs): string[] {
  const broken: string[] = [];
  const wrong: Wrong = (what) => broken.push(what);
  checkConnTable(ipvs.conns, wrong);
  checkConns(ipvs, wrong);
  checkServices(ipvs, wrong);
  checkDests(ipvs, wrong);
  checkRealServers(ipvs, wrong);
  checkDaemons(ipvs, wrong);
  checkStats(ipvs, wrong);
  return broken;
}

function checkServices(ipvs: NetnsIpvs, wrong: Wrong): void {
  const services = [...ipvs.services];
  const count = (which: (svc: Service) => unknown): number => services.filter(which).length;
  const counts: [string, number, number][] = [
    ['services', ipvs.services.size, services.length],
    ['num_services', ipvs.numServices, count(({ family }) => family === AF_INET)],
    ['num_services6', ipvs.numServices6, count(({ family }) => family === AF_INET6)],
    ['ftpsvc_counter', ipvs.ftpsvcCounter, count(({ port }) => port === FTP_PORT)],
    ['nullsvc_counter', ipvs.nullsvcCounter, count(({ port }) => port === 0)],
    ['conn_out_counter', ipvs.connOutCounter, count(({ pe }) => pe?.connOut)],
    ['ownTimeouts', ipvs.ownTimeouts, count(({ ownTimeouts }) => ownTimeouts)],
    ['portReusers', ipvs.portReusers, count(({ options }) => options.reusePorts)],
    ['mssClampers', ipvs.mssClampers, count(({ options }) => options.clampMss)],
    ['tracked IPv4', ipvs.conntrackUsers[0], count((svc) => svc.family === AF_INET && svc.conntrack)],
    ['tracked IPv6', ipvs.conntrackUsers[1], count((svc) => svc.family === AF_INET6 && svc.conntrack)],
    ['hooks', ipvs.hooksAfmask, (ipvs.numServices > 0 ? 1 : 0) | (ipvs.numServices6 > 0 ? 2 : 0)],
  ];
  for (const [name, told, found] of counts) if (told !== found) wrong(`${name} ${told}: it is ${found}`);
  for (const svc of services) {
    if (ipvs.services.get(svc) !== svc) wrong('a service is not found by its identity');
    if ((svc.flags & SVC_F_HASHED) === 0) wrong('a service is not hashed');
    if (svc.scheduler === undefined) wrong('a service without a scheduler');
  }
}

function checkDests(ipvs: NetnsIpvs, wrong: Wrong): void {
  const services = [...ipvs.services];
  const serving = services.flatMap((svc) => svc.destinations);
  const probes = services.flatMap((svc) => [...(svc.probes?.values() ?? [])]);
  const all = [...serving, ...probes, ...ipvs.destTrash];
  const free = new Set(ipvs.freeDests);
  const taken = ipvs.dests.filter((dest) => dest !== null);
  if (new Set(all).size !== all.length) wrong('a dest is in two places');
  if (taken.length !== all.length) wrong(`${taken.length} numbers for ${all.length} dests`);
  if (free.size !== ipvs.freeDests.length || free.size + taken.length !== ipvs.dests.length)
    wrong('free numbers of dests');
  for (const number of free) if (ipvs.dests[number] !== null) wrong(`number ${number} is free and taken`);
  const references = heldBySchedulers(services);
  const counted = countByDest(ipvs);
  for (const index of counted.keys())
    if (!ipvs.dests[index]) wrong(`connections of dest ${index}, which is gone`);
  for (const dest of all) {
    const { refcnt, active, total, persistent } = counted.get(dest.index) ?? NONE;
    const name = `dest ${dest.index}`;
    if (ipvs.dests[dest.index] !== dest) wrong(`${name} has another one's number`);
    if (dest.activeconns !== active) wrong(`${name}: activeconns ${dest.activeconns}: it is ${active}`);
    if (dest.totalconns !== total) wrong(`${name}: totalconns ${dest.totalconns}: it is ${total}`);
    if (dest.persistconns !== persistent)
      wrong(`${name}: persistconns ${dest.persistconns}: it is ${persistent}`);
    const held = refcnt + (references.get(dest) ?? 0);
    if (dest.refcnt !== held) wrong(`${name}: refcnt ${dest.refcnt}: it is ${held}`);
    if ((dest.drain !== null) !== ipvs.draining.has(dest)) wrong(`${name} drains, or does not`);
  }
  for (const svc of services)
    for (const dest of svc.destinations) {
      if (!dest.available || dest.svc !== svc) wrong(`dest ${dest.index} does not know its service`);
      if (svc.destinations.some((other) => other !== dest && sameDest(other, dest)))
        wrong(`dest ${dest.index} twice in its service`);
    }
  for (const dest of ipvs.destTrash)
    if (dest.available) wrong(`dest ${dest.index} is available in the trash`);
  const mixed = services.flatMap((svc) => svc.destinations.filter(({ addr }) => addr.family !== svc.family));
  if (ipvs.mixedAddressFamilyDests !== mixed.length)
    wrong(`mixed_address_family_dests ${ipvs.mixedAddressFamilyDests}: it is ${mixed.length}`);
}

const NONE = { refcnt: 0, active: 0, total: 0, persistent: 0 };

function sameDest(a: Dest, b: Dest): boolean {
  return a.port === b.port && a.addr.family === b.addr.family && a.addr.words.join() === b.addr.words.join();
}

/** lblc and lblcr hold the dests that they remember. */
function heldBySchedulers(services: readonly Service[]): Map<Dest, number> {
  const held = new Map<Dest, number>();
  const hold = (dest: Dest): unknown => held.set(dest, (held.get(dest) ?? 0) + 1);
  for (const { schedData } of services) {
    if (!(schedData instanceof AddressCache)) continue;
    const { buckets } = schedData as unknown as { readonly buckets: readonly (Entry | null)[] };
    for (const first of buckets)
      for (let entry = first; entry !== null; entry = entry.next) {
        if (entry.value instanceof Dest) hold(entry.value);
        else if (entry.value instanceof DestSet)
          (entry.value as unknown as { readonly members: readonly Dest[] }).members.forEach(hold);
      }
  }
  return held;
}

interface Entry {
  readonly value: unknown;
  readonly next: Entry | null;
}

/** `rs_table` has the available dests that NAT or a tunnel leads to, and no others. */
function checkRealServers(ipvs: NetnsIpvs, wrong: Wrong): void {
  const { buckets } = ipvs.realServers as unknown as {
    readonly buckets: ReadonlyMap<number, readonly Dest[]>;
  };
  const wanted = [...ipvs.services]
    .flatMap((svc) => svc.destinations)
    .filter(({ connFlags }) => [CONN_F_MASQ, CONN_F_TUNNEL].includes(connFlags & CONN_F_FWD_MASK));
  const there = [...buckets.values()].flat();
  if (there.length !== wanted.length) wrong(`rs_table has ${there.length} of ${wanted.length} dests`);
  for (const dest of wanted) if (!there.includes(dest)) wrong(`dest ${dest.index} is not in rs_table`);
}

function checkDaemons(ipvs: NetnsIpvs, wrong: Wrong): void {
  const master = (ipvs.syncState & SYNC_STATE_MASTER) !== 0;
  const backup = (ipvs.syncState & SYNC_STATE_BACKUP) !== 0;
  if ((ipvs.ms !== undefined) !== master || (ipvs.mcfg !== undefined) !== master) wrong('half a master');
  if ((ipvs.backupSockets !== undefined) !== backup || (ipvs.bcfg !== undefined) !== backup)
    wrong('half a backup');
  if (ipvs.syncState !== 0 && ipvs.mixedAddressFamilyDests > 0)
    wrong('a sync daemon beside servers of another family');
}

function checkStats(ipvs: NetnsIpvs, wrong: Wrong): void {
  const services = [...ipvs.services];
  const each = [
    ipvs.totStats,
    ...services.flatMap((svc) => [svc, ...svc.destinations]).map(({ stats }) => stats),
  ];
  for (const name of ['conns', 'inpkts', 'outpkts', 'inbytes', 'outbytes'] as const) {
    if (each.some((stats) => !isCount(stats, name))) wrong(`counter ${name} is no number`);
    const sum = services.reduce((all, { stats }) => all + stats[name], 0);
    if (ipvs.totStats[name] < sum) wrong(`${name}: ${ipvs.totStats[name]} in all, ${sum} of services`);
  }
}

/** Counters never go back: behind them stands what listings show, and behind that what was there when they were zeroed. */
function isCount(stats: Stats, name: keyof Stats['kstats']): boolean {
  const [now, shown, base] = [stats[name], stats.kstats[name], stats.base[name]];
  return Number.isSafeInteger(now) && base >= 0 && shown >= base && now >= shown;
}
