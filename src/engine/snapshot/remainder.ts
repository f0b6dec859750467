/** What an engine knows beside its rules and the records of its connections, as plain data: counters, removed servers, what applications keep. */
import type { Family } from '../../wire/inet.js';
import { C_FLAGS, HOT_SHIFT, NO_CONN } from '../conn-table.js';
import { Conntrack } from '../ct-table.js';
import { TcpTrack } from '../ct-tcp.js';
import { Dest } from '../dest.js';
import { beginEnding } from '../ending.js';
import type { Carried } from '../fast-path.js';
import { CONN_F_APP, DEST_F_OVERLOAD } from '../flags.js';
import type { NetnsIpvs } from '../netns-ipvs.js';
import { persistenceEngines } from '../persistence-engine.js';
import type { ConnSeq, SeqAdj } from '../seq.js';
import { Service, type ServiceId } from '../service.js';
import type { DrainEnd } from '../service-options.js';
import type { Stats } from '../stats.js';
import type { SyncSeq } from '../sync/message.js';

interface SavedAddr {
  readonly family: Family;
  readonly words: readonly number[];
}

type SavedId = Omit<ServiceId, 'addr'> & { readonly addr: SavedAddr };

interface SavedDest {
  readonly index: number;
  /** Its service. */
  readonly id: SavedId;
  readonly addr: SavedAddr;
  readonly port: number;
  readonly stats: Stats;
  readonly lastWeight: number;
  readonly overload: boolean;
  /** Its service was removed; there may be another one in its place. */
  readonly orphan: boolean;
  readonly connFlags: number;
  readonly tunType: number;
  readonly tunPort: number;
  readonly tunFlags: number;
  readonly uThreshold: number;
  readonly lThreshold: number;
  readonly ending: DrainEnd;
  /** Its idle clients have been asked for the last time. */
  readonly asked?: boolean;
  /** See `FastPath.carried`. */
  readonly carried?: Carried;
}

interface SavedTrack {
  readonly track: TcpTrack;
  readonly tuples: readonly {
    family: Family;
    src: readonly number[];
    dst: readonly number[];
    ports: number;
  }[];
  readonly seqadj: readonly SeqAdj[] | null;
}

/** All of it; JSON-safe. Numbers of dests and connections are those of the engine that it is from. */
export interface Remainder {
  readonly hz: number;
  /** When this was written. */
  readonly jiffies: number;
  readonly total: Stats;
  readonly services: readonly { readonly id: SavedId; readonly stats: Stats }[];
  readonly dests: readonly SavedDest[];
  /** Latin-1. */
  readonly pe: readonly { readonly c: number; readonly name: string; readonly data: string }[];
  readonly apps: readonly {
    readonly c: number;
    readonly inSeq: ConnSeq;
    readonly outSeq: ConnSeq;
    readonly data?: unknown;
  }[];
  readonly seqs: readonly { readonly c: number; readonly inSeq: SyncSeq; readonly outSeq: SyncSeq }[];
  readonly tracks: readonly SavedTrack[];
}

/** What is to be written down of an engine. To be turned into text at once: it shares parts with the engine. */
export function remainderOf(ipvs: NetnsIpvs): Remainder {
  ipvs.fastPath?.fold();
  const services = [...ipvs.services];
  const dests = [...services.flatMap(({ destinations }) => destinations), ...ipvs.destTrash];
  const { jiffies, hz } = ipvs.net;
  return {
    hz,
    jiffies,
    total: ipvs.totStats,
    services: services.map((svc) => ({ id: savedId(svc), stats: svc.stats })),
    dests: dests.map((dest) => {
      const carried = ipvs.fastPath?.carried(dest);
      const orphan = ipvs.services.get(serviceOf(dest)) !== dest.svc;
      const asked = !ipvs.endings.some((ending) => ending.dest === dest);
      return { ...savedDest(dest, orphan), asked, ...(carried !== undefined && { carried }) };
    }),
    pe: [...ipvs.peData].map(([c, { pe, data }]) => ({
      c,
      name: pe.name,
      data: String.fromCharCode(...data),
    })),
    apps: [...ipvs.appConns].map(([c, { inSeq, outSeq, data }]) => ({ c, inSeq, outSeq, data })),
    seqs: [...ipvs.syncSeq].map(([c, seqs]) => ({ c, ...seqs })),
    tracks: ipvs.conntracks.live(jiffies).map(({ track, tuples, seqadj }) => ({
      track,
      tuples: tuples.map((tuple) => ({ ...tuple, src: [...tuple.src], dst: [...tuple.dst] })),
      seqadj: seqadj ?? null,
    })),
  };
}

/** Numbers that dests can be given by {@link reserveDest}. */
const NUMBERS = 1 << 24;

/** The next dest gets this number, if it is free. */
export function reserveDest({ dests, freeDests }: NetnsIpvs, number: number): void {
  if (
    !(Number.isInteger(number) && number >= 0 && number < NUMBERS) ||
    (number < dests.length && dests[number] !== null)
  )
    return;
  while (dests.length <= number) freeDests.push(dests.push(null) - 1);
  freeDests.splice(freeDests.indexOf(number), 1);
  freeDests.push(number);
}

/**
 * Gives counters back to the services and dests that there are, and puts dests that are no longer there into the trash.
 * @returns by the numbers that they had, the dests.
 */
export function restoreDests(ipvs: NetnsIpvs, saved: Remainder): Map<number, Dest> {
  restoreStats(ipvs.totStats, saved.total);
  for (const { id, stats } of saved.services) {
    const svc = ipvs.services.get(serviceId(id));
    if (svc !== undefined) restoreStats(svc.stats, stats);
  }
  const dests = new Map<number, Dest>();
  for (const was of saved.dests) {
    const words = wordsOf(was.addr);
    const dest =
      ipvs.services
        .get(serviceId(was.id))
        ?.destinations.find(
          ({ addr, port }) =>
            port === was.port &&
            addr.family === was.addr.family &&
            addr.words.every((word, i) => word === words[i]),
        ) ?? removedDest(ipvs, was);
    restoreStats(dest.stats, was.stats);
    dest.lastWeight = was.lastWeight;
    if (was.overload) dest.flags |= DEST_F_OVERLOAD;
    dests.set(was.index, dest);
  }
  return dests;
}

/**
 * Gives connections back what is not in their records.
 * @param places by the places that connections had, those that they have. @param shift added to jiffies.
 */
export function restoreRest(ipvs: NetnsIpvs, saved: Remainder, places: Int32Array, shift: number): void {
  for (const { c, name, data } of saved.pe) {
    const pe = persistenceEngines.find((engine) => engine.name === name);
    const now = places[c] ?? NO_CONN;
    if (pe === undefined || now === NO_CONN) continue;
    ipvs.peData.set(now, { pe, data: Uint8Array.from(data, (letter) => letter.charCodeAt(0)) });
  }
  for (const { c, inSeq, outSeq, data } of saved.apps) {
    const now = places[c] ?? NO_CONN;
    const conn = ipvs.appConns.get(now);
    if (conn === undefined || (ipvs.conns.hot[(now << HOT_SHIFT) + C_FLAGS]! & CONN_F_APP) === 0) continue;
    Object.assign(conn.inSeq, inSeq);
    Object.assign(conn.outSeq, outSeq);
    conn.data = data;
  }
  for (const { c, inSeq, outSeq } of saved.seqs) {
    const now = places[c] ?? NO_CONN;
    if (now !== NO_CONN) ipvs.syncSeq.set(now, { inSeq, outSeq });
  }
  for (const was of saved.tracks) {
    const ct = trackFrom(was);
    ct.track.expires = (ct.track.expires + shift) | 0;
    ipvs.conntracks.insert(ct, ipvs.net.jiffies);
  }
}

function savedId({ family, protocol, addr, port, fwmark }: ServiceId): SavedId {
  return { family, protocol, addr: savedAddr(addr), port, fwmark };
}

function savedAddr({ family, words }: { family: Family; words: Int32Array }): SavedAddr {
  return { family, words: [...words] };
}

function wordsOf({ words }: SavedAddr): Int32Array {
  return Int32Array.from(words);
}

function serviceId(id: SavedId): ServiceId {
  return { ...id, addr: { family: id.addr.family, words: wordsOf(id.addr) } };
}

function serviceOf({ protocol, vaddr, vport, vfwmark }: Dest): ServiceId {
  return { family: vaddr.family, protocol, addr: vaddr, port: vport, fwmark: vfwmark };
}

function savedDest(dest: Dest, orphan: boolean): SavedDest {
  const { index, addr, port, stats, lastWeight, uThreshold, lThreshold, ending } = dest;
  const { connFlags, tunType, tunPort, tunFlags } = dest;
  const settings = { connFlags, tunType, tunPort, tunFlags, uThreshold, lThreshold, ending };
  const identity = { index, id: savedId(serviceOf(dest)), addr: savedAddr(addr), port };
  return { ...identity, stats, lastWeight, overload: dest.overloaded, orphan, ...settings };
}

/** A dest that is in the trash: it was removed, and connections may be left. */
function removedDest(ipvs: NetnsIpvs, was: SavedDest): Dest {
  reserveDest(ipvs, was.index);
  const index = ipvs.freeDests.pop() ?? ipvs.dests.length;
  const addr = { family: was.addr.family, words: wordsOf(was.addr) };
  const id = serviceId(was.id);
  const svc = was.orphan ? undefined : ipvs.services.get(id);
  const dest = new Dest(index, svc ?? new Service(id), addr, was.port);
  dest.connFlags = was.connFlags;
  dest.tunType = was.tunType;
  dest.tunPort = was.tunPort;
  dest.tunFlags = was.tunFlags;
  dest.uThreshold = was.uThreshold;
  dest.lThreshold = was.lThreshold;
  ipvs.dests[index] = dest;
  ipvs.destTrash.add(dest);
  ipvs.net.armTrash();
  if (was.asked === true) dest.ending = was.ending;
  else if (was.ending !== 'none') beginEnding(ipvs, dest, was.ending);
  return dest;
}

function restoreStats(stats: Stats, { est, base, kstats, ...totals }: Stats): void {
  Object.assign(stats, totals);
  Object.assign(stats.est, est);
  Object.assign(stats.base, base);
  Object.assign(stats.kstats, kstats);
}

function trackFrom({ track, tuples, seqadj }: SavedTrack): Conntrack {
  const [original, reply] = tuples.map((tuple) => ({
    ...tuple,
    src: Int32Array.from(tuple.src),
    dst: Int32Array.from(tuple.dst),
  }));
  const { family, src, dst, ports } = original!;
  const ct = new Conntrack(TcpTrack.restored(track), family, src, dst, ports);
  Object.assign(ct.tuples[1], reply);
  if (seqadj === null) return ct;
  ct.addSeqadj();
  seqadj.forEach((was, direction) => {
    Object.assign(ct.seqadj![direction]!, was);
  });
  return ct;
}
