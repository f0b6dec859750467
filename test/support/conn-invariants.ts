/** What is true of a table of connections, and of what is kept beside it, whenever no packet and no command is in work. */
import {
  C_CONTROL,
  C_DEST,
  C_FLAGS,
  C_NCONTROL,
  type ConnTable,
  HOT_SHIFT,
} from '../../src/engine/conn-table.js';
import {
  CONN_F_APP,
  CONN_F_INACTIVE,
  CONN_F_NO_CPORT,
  CONN_F_ONE_PACKET,
  CONN_F_TEMPLATE,
} from '../../src/engine/flags.js';
import type { NetnsIpvs } from '../../src/engine/netns-ipvs.js';

/** What is wrong is told to this. */
export type Wrong = (what: string) => void;

/** The parts of the table that only it and these checks know. */
interface Inside {
  readonly slots: Int32Array;
  readonly free: number;
  nodeHash(index: number): number;
  bucket(hash: number): number;
  nextNode(node: number): number;
}

const SLOTS = 15;
const NODE_MASK = (1 << 25) - 1;

/** Connections of one dest, by kinds. */
export interface Counted {
  refcnt: number;
  active: number;
  total: number;
  persistent: number;
}

/** The places that hold connections. */
export function placesOf(t: ConnTable): number[] {
  return Array.from({ length: t.highWater }, (_, c) => c).filter((c) => t.isUsed(c));
}

/** Checks the table alone: each connection is found where both of its directions are looked for, and no other place is taken. */
export function checkConnTable(t: ConnTable, wrong: Wrong): void {
  const inside = t as unknown as Inside;
  const used = placesOf(t);
  if (t.count !== used.length) wrong(`conn_count ${t.count} for ${used.length} connections`);
  let free = 0;
  for (let c = inside.free; c >= 0 && free <= t.highWater; c = t.hot[c << HOT_SHIFT]! - 2) {
    if (t.isUsed(c)) wrong(`connection ${c} is free and hashed`);
    free++;
  }
  if (free + used.length !== t.highWater)
    wrong(`${free} free and ${used.length} used places of ${t.highWater}`);
  const nodes = new Map<number, number>();
  for (let bucket = 0; bucket < inside.slots.length; bucket += SLOTS + 1) {
    let ended = false;
    for (let i = bucket; i < bucket + SLOTS; i++) {
      const node = inside.slots[i]! & NODE_MASK;
      if (node === 0) ended = true;
      else if (ended) wrong(`a hole in bucket ${bucket}`);
      else note(node, bucket);
    }
    for (let node = inside.slots[bucket + SLOTS]!, n = 0; node !== 0; node = inside.nextNode(node)) {
      if (ended || ++n > 2 * t.highWater) {
        wrong(`the chain of bucket ${bucket}`);
        break;
      }
      note(node, bucket);
    }
  }
  for (const c of used)
    for (const index of [2 * c, 2 * c + 1])
      if (nodes.get(index) !== inside.bucket(inside.nodeHash(index)))
        wrong(`connection ${c} is not where it is looked for`);
  if (nodes.size !== 2 * used.length) wrong(`${nodes.size} nodes for ${used.length} connections`);

  function note(node: number, bucket: number): void {
    if (nodes.has(node - 1)) wrong(`node ${node - 1} twice`);
    nodes.set(node - 1, bucket);
  }
}

/** Checks what connections have to do with each other, with timers, applications and persistence engines. */
export function checkConns(ipvs: NetnsIpvs, wrong: Wrong): void {
  const t = ipvs.conns;
  const used = placesOf(t);
  const children = new Map<number, number>();
  const word = (c: number, at: number): number => t.hot[(c << HOT_SHIFT) + at]!;
  for (const c of used) {
    if (!ipvs.connTimers.pending(c)) wrong(`connection ${c} has no timer`);
    if ((word(c, C_FLAGS) & CONN_F_ONE_PACKET) !== 0) wrong(`connection ${c} of one packet stays`);
    const control = word(c, C_CONTROL) - 1;
    if (control < 0) continue;
    if (control === c || !t.isUsed(control)) wrong(`connection ${c} is controlled by ${control}`);
    children.set(control, (children.get(control) ?? 0) + 1);
  }
  for (const c of used)
    if (word(c, C_NCONTROL) !== (children.get(c) ?? 0))
      wrong(`connection ${c} controls ${word(c, C_NCONTROL)}: it is ${children.get(c) ?? 0}`);
  if (ipvs.connTimers.size !== used.length)
    wrong(`${ipvs.connTimers.size} timers for ${used.length} connections`);
  const withoutPort = used.filter((c) => (word(c, C_FLAGS) & CONN_F_NO_CPORT) !== 0).length;
  if (t.noCport !== withoutPort) wrong(`no_cport_cnt ${t.noCport} for ${withoutPort}`);
  for (const [name, map] of Object.entries({ pe: ipvs.peData, app: ipvs.appConns, seq: ipvs.syncSeq }))
    for (const c of map.keys()) if (!t.isUsed(c)) wrong(`${name} of connection ${c}, which is gone`);
  for (const c of used)
    if (((word(c, C_FLAGS) & CONN_F_APP) !== 0) !== ipvs.appConns.has(c))
      wrong(`the application of connection ${c}`);
  for (const inc of ipvs.appList) {
    const helped = [...ipvs.appConns.values()].filter((conn) => conn.inc === inc).length;
    if (inc.usecnt !== helped) wrong(`${inc.app.name} is said to help ${inc.usecnt}: it is ${helped}`);
  }
}

/** Counts the connections of each dest, by its number. */
export function countByDest({ conns: t }: NetnsIpvs): Map<number, Counted> {
  const counts = new Map<number, Counted>();
  for (const c of placesOf(t)) {
    const index = t.hot[(c << HOT_SHIFT) + C_DEST]! - 1;
    if (index < 0) continue;
    const of = counts.get(index) ?? { refcnt: 0, active: 0, total: 0, persistent: 0 };
    counts.set(index, of);
    const flags = t.hot[(c << HOT_SHIFT) + C_FLAGS]!;
    of.refcnt++;
    if ((flags & CONN_F_TEMPLATE) !== 0) of.persistent++;
    else {
      of.total++;
      if ((flags & CONN_F_INACTIVE) === 0) of.active++;
    }
  }
  return counts;
}
