/** Rules between an engine and the record of them. */
import { keyOf } from '../../control/fields.js';
import {
  fromDaemon,
  fromDest,
  fromService,
  fromServiceId,
  toDestUser,
  toServiceId,
  toServiceUser,
} from '../../control/translate.js';
import type { Drain } from '../../engine/drain.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import type { ServiceId } from '../../engine/service.js';
import { reserveDest } from '../../engine/snapshot/remainder.js';
import { IpvsError } from '../../errors.js';
import type { Defaults } from '../config/managed.js';
import type { NumberedDest, RulesRecord, SavedDrain, SavedRules } from './rules-log.js';

/** What could not be made again, and why. */
export type OnRefusal = (what: string, error: IpvsError) => void;

/** What an engine has to which nothing has been said yet. */
export function defaultsOf(ipvs: NetnsIpvs): Defaults {
  return { sysctl: sysctlsOf(ipvs), timeouts: ipvs.getTimeouts() };
}

/** The tab between two numbers is a blank in configurations. */
function sysctlsOf(ipvs: NetnsIpvs): Record<string, string> {
  const all = Object.entries(ipvs.sysctls.list());
  return Object.fromEntries(all.map(([name, value]) => [name, value.replaceAll('\t', ' ')]));
}

/** The record of a service, which may be gone. @param now CLOCK_MONOTONIC, ms. */
export function serviceRecord(ipvs: NetnsIpvs, id: ServiceId, now: number): RulesRecord {
  const svc = ipvs.findService(id);
  if (svc === undefined) return { gone: fromServiceId(id) };
  const dests = svc.destinations.map((dest): NumberedDest => {
    const numbered = { ...fromDest(dest), number: dest.index };
    return dest.drain === null ? numbered : { ...numbered, drain: drainRecord(ipvs, dest.drain, now) };
  });
  return { service: fromService(svc, ipvs.net.hz), dests };
}

function drainRecord({ net }: NetnsIpvs, { weight, policy, since }: Drain, now: number): SavedDrain {
  return { weight, ...policy, since: now - (((net.jiffies - since) | 0) * 1000) / net.hz };
}

/** The records of everything that is no service. @param defaults what stands there by itself. */
export function settingRecords(ipvs: NetnsIpvs, defaults: Defaults): RulesRecord[] {
  const sysctl = Object.entries(sysctlsOf(ipvs)).filter(([name, value]) => defaults.sysctl[name] !== value);
  return [
    { sysctl: Object.fromEntries(sysctl) },
    { timeouts: ipvs.getTimeouts() },
    { sync: ipvs.daemons().map(fromDaemon) },
  ];
}

/** The records of all services, the oldest first. @param now see {@link serviceRecord}. */
export function serviceRecords(ipvs: NetnsIpvs, now: number): RulesRecord[] {
  return [...ipvs.services].reverse().map((svc) => serviceRecord(ipvs, svc, now));
}

/**
 * Gives an engine that has none the settings and services that are on record; its dests get the numbers that they had.
 * @param now see {@link serviceRecord}.
 */
export function restoreRules(ipvs: NetnsIpvs, rules: SavedRules, now: number, onRefusal: OnRefusal): void {
  const attempt = (what: string, step: () => void): boolean => {
    try {
      step();
      return true;
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      onRefusal(what, error);
      return false;
    }
  };
  for (const [name, value] of Object.entries(rules.sysctl))
    attempt(name, () => ipvs.sysctls.set(name, value));
  attempt('timeouts', () => ipvs.setTimeouts(rules.timeouts));
  for (const { service, dests } of rules.services) {
    const id = toServiceId(service);
    const what = JSON.stringify(keyOf(service));
    if (!attempt(what, () => ipvs.addService(toServiceUser(service)))) continue;
    for (const dest of [...dests].reverse()) {
      reserveDest(ipvs, dest.number);
      attempt(`${what}, ${dest.address}`, () => restoreDest(ipvs, id, dest, now));
    }
  }
}

/** One that was being drained goes on with it. */
function restoreDest(ipvs: NetnsIpvs, service: ServiceId, dest: NumberedDest, now: number): void {
  const { drain } = dest;
  const user = toDestUser(dest);
  if (drain === undefined) {
    ipvs.addDest(service, user);
    return;
  }
  const { weight, since, ...policy } = drain;
  ipvs.addDest(service, { ...user, weight });
  const { jiffies, hz } = ipvs.net;
  ipvs.drainDest(service, user, policy, (jiffies - Math.round(((now - since) * hz) / 1000)) | 0);
}
