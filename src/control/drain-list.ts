/** Servers that are being drained, as they are told of. */
import type { Dest } from '../engine/dest.js';
import { type Drained, drainTicksLeft } from '../engine/drain.js';
import type { NetnsIpvs } from '../engine/netns-ipvs.js';
import type { ServiceId } from '../engine/service.js';
import type { DrainEntry, DrainingState } from './command.js';
import { fromDestId, fromServiceId } from './translate.js';

/** What a listing says of a server that drains; nothing of any other. */
export function drainingState(ipvs: NetnsIpvs, dest: Dest): { draining?: DrainingState } {
  if (dest.drain === null) return {};
  const { weight, policy } = dest.drain;
  return { draining: { weight, end: policy.end, ...secondsLeft(ipvs, dest) } };
}

/** All that drain, and those that are gone and whose connections are being ended. */
export function drainList(ipvs: NetnsIpvs): DrainEntry[] {
  return [
    ...Array.from(ipvs.draining, (dest) => entryOf(ipvs, dest, 'draining')),
    ...ipvs.endings.map(({ dest }) => entryOf(ipvs, dest, 'ending')),
  ];
}

/** What is told of a server that was drained and is gone. */
export function drainedData({ dest, reason, connections }: Drained) {
  return { service: fromServiceId(serviceOf(dest)), dest: fromDestId(dest), reason, connections };
}

/** The service that a dest belongs to, or has. */
export function serviceOf({ vaddr, protocol, vport, vfwmark }: Dest): ServiceId {
  return { family: vaddr.family, protocol, addr: vaddr, port: vport, fwmark: vfwmark };
}

function entryOf(ipvs: NetnsIpvs, dest: Dest, phase: DrainEntry['phase']): DrainEntry {
  return {
    service: fromServiceId(serviceOf(dest)),
    dest: fromDestId(dest),
    ...(dest.options.name !== undefined && { name: dest.options.name }),
    phase,
    end: dest.drain?.policy.end ?? dest.ending,
    ...(dest.drain !== null && secondsLeft(ipvs, dest)),
    activeConns: dest.activeconns,
    inactConns: dest.inactconns,
    persistConns: dest.persistconns,
  };
}

function secondsLeft(ipvs: NetnsIpvs, dest: Dest): { left?: number } {
  const ticks = drainTicksLeft(ipvs, dest);
  return ticks === undefined ? {} : { left: ticks / ipvs.net.hz };
}
