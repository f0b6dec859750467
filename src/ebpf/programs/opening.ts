/**
 * How the tc program opens connections by itself: of a packet that begins one, to a service whose scheduler's choices are known in advance, it takes the next
 * turn, writes the flows, tells the engine, and goes on with the packet as with any other that has a flow. Whatever is missing for that leaves the packet to the slow path.
 */
import type { Assembler } from '../assembler.js';
import { type Memory, part, r0, r1, r2, r3, r4, r10, register } from '../operand.js';
import { record, u32, u64 } from '../record.js';
import { ACK, ctx, type Frame, fold, ip4, ip6, type Misses, SLOW, SYN } from './common.js';
import { FLOW, FLOW_ACTIONS, FLOW4_KEY, FLOW6_KEY, LEASE } from './flow-maps.js';
import { IPPROTO_TCP, IPPROTO_UDP, SK_BUFF } from './headers.js';
import {
  ACTION_OPENED,
  CLIENT,
  CLIENT_KEY,
  CURSOR,
  OPENED,
  OPENING,
  PREFIX_KEY,
  SERVICE,
  SERVICE_KEY,
  TURN,
} from './opening-maps.js';

const BPF_NOEXIST = 1;
/** Nobody is woken for it: the engine reads records before it does anything else. */
const BPF_RB_NO_WAKEUP = 1;
const AF_INET = 2;
const AF_INET6 = 10;
/** From there a server opens the data connections of FTP. */
const FTPDATA_PORT = 20;

/** The service, until its turn is found, */
const service = register(8, 'service');
/** and then that. */
const turn = register(8, 'turn');
/** The record for the engine. */
const entry = register(9, 'entry');

const LOCALS = record('opening', {
  /** CLOCK_MONOTONIC, ns, to the tick. */
  now: u64,
  /** Numbers of things to be looked up. */
  index: u32,
  replyWay: u32,
});

/** What opening needs of the stack. */
export type OpeningFrame = ReturnType<typeof openingFrame>;

/** Lays it out. */
export function openingFrame(a: Assembler) {
  return {
    locals: a.stack(LOCALS),
    service: a.stack(SERVICE_KEY),
    client: a.stack(CLIENT_KEY),
    prefix: a.stack(PREFIX_KEY),
    flow: a.stack(FLOW),
    key4: a.stack(FLOW4_KEY),
    key6: a.stack(FLOW6_KEY),
  };
}

/** Where the program goes with packets of no known flow, to come back with one. */
export function missesOf(version: 4 | 6): Misses {
  return { syn: `syn.v${version}`, other: `miss.v${version}`, found: `found.v${version}` };
}

/** Opens a connection, at the labels of {@link missesOf}. */
export function openConnection(a: Assembler, f: Frame, o: OpeningFrame, version: 4 | 6): void {
  const misses = missesOf(version);
  const undo = a.newLabel('open.undo');
  const discard = a.newLabel('open.discard');
  const key = version === 4 ? f.key4 : f.key6;
  // one that has a flow already may begin anew, and that is the engine's to decide
  a.label(misses.syn);
  findFlow(a, version, key);
  a.jumpIf(r0, '!=', 0, SLOW);
  a.label(misses.other);
  mayBegin(a, f, key);
  findService(a, o, version, key);
  findClient(a, o, version);
  a.movMap(r1, 'reports').mov(r2, OPENED.size).mov(r3, 0).call('ringbuf_reserve');
  a.jumpIf(r0, '==', 0, SLOW).mov(entry, r0);
  takeTurn(a, o, discard);
  describe(a, f, o, version, key);
  const known = a.newLabel('open.known');
  writeFlow(a, o, version, { map: `flows${version}`, key, template: TURN.at(turn).request });
  a.jumpIf(r0, '!=', 0, discard);
  a.load(r1, FLOW.at(turn).action).jumpIf(r1, '!=', FLOW_ACTIONS.natRequest, known);
  const reply = replyKey(a, o, version, key);
  a.load(r1, o.locals.replyWay);
  writeFlow(a, o, version, { map: `flows${version}`, key: reply, template: TURN.at(turn).reply, way: r1 });
  a.jumpIf(r0, '!=', 0, undo);
  a.label(known).mov(r1, entry).mov(r2, BPF_RB_NO_WAKEUP).call('ringbuf_submit');
  // the engine is told already
  a.store(f.locals.flags, ACK);
  findFlow(a, version, key);
  a.jumpIf(r0, '==', 0, SLOW).jump(misses.found);
  a.label(undo).movMap(r1, `flows${version}`).mov(r2, r10).add(r2, key.offset).call('map_delete_elem');
  a.label(discard).mov(r1, entry).mov(r2, BPF_RB_NO_WAKEUP).call('ringbuf_discard').jump(SLOW);
}

type Key = Frame['key4'] | Frame['key6'];

function findFlow(a: Assembler, version: 4 | 6, key: Key): void {
  lookUp(a, `flows${version}`, key.offset);
}

/** The element of a map that has the key at `offset` of the stack, to r0. */
function lookUp(a: Assembler, map: string, offset: number): void {
  a.movMap(r1, map).mov(r2, r10).add(r2, offset).call('map_lookup_elem');
}

/** A datagram, or a segment that begins a connection; connections are opened now. */
function mayBegin(a: Assembler, { locals }: Frame, key: Key): void {
  const candidate = a.newLabel('open.candidate');
  const opening = OPENING.at(r1);
  a.load(r1, key.protocol).jumpIf(r1, '==', IPPROTO_UDP, candidate).jumpIf(r1, '!=', IPPROTO_TCP, SLOW);
  a.load(r1, locals.flags).jumpIf(r1, '!=', SYN, SLOW);
  a.label(candidate);
  a.movMapValue(r1, 'opening').load(r1, opening.open).jumpIf(r1, '==', 0, SLOW);
  // a mark may make it another service's
  a.load(r1, SK_BUFF.at(ctx).mark).jumpIf(r1, '!=', 0, SLOW);
  a.load(r1, key.sourcePort).toBigEndian(r1, 16).jumpIf(r1, '==', FTPDATA_PORT, SLOW);
}

/** The service, to `service`; it has turns, and somebody is there to be told. */
function findService(a: Assembler, { locals, service: to }: OpeningFrame, version: 4 | 6, key: Key): void {
  putAddress(a, version, version === 4 ? ip4.destination : ip6.destination, to.address);
  a.load(r1, key.destinationPort).store(to.port, r1).load(r1, key.protocol).store(to.protocol, r1);
  a.store(to.spare, 0);
  lookUp(a, 'services', to.offset);
  a.jumpIf(r0, '==', 0, SLOW).mov(service, r0);
  a.load(r1, SERVICE.at(service).count).jumpIf(r1, '==', 0, SLOW);
  a.call('ktime_get_coarse_ns').store(locals.now, r0);
  a.movMapValue(r1, 'lease').load(r1, LEASE.at(r1).until).jumpIf(r0, '>', r1, SLOW);
}

/** The way of answers; 0 where none come by here. */
function findClient(a: Assembler, { locals, client: key, prefix }: OpeningFrame, version: 4 | 6): void {
  const none = a.newLabel('open.silent');
  const known = a.newLabel('open.client');
  const client = CLIENT.at(r0);
  a.store(locals.replyWay, 0);
  a.load(r1, SERVICE.at(service).answers).jumpIf(r1, '==', 0, none);
  putAddress(a, version, version === 4 ? ip4.source : ip6.source, key.address);
  lookUp(a, 'clients', key.offset);
  a.jumpIf(r0, '!=', 0, known);
  a.store(prefix.length, 8 * (PREFIX_KEY.size - PREFIX_KEY.fields.family.offset));
  a.store(prefix.family, version === 4 ? AF_INET : AF_INET6);
  for (const at of [0, 8]) a.load(r1, part(key.address, at, 8)).store(part(prefix.address, at, 8), r1);
  lookUp(a, 'prefixes', prefix.offset);
  a.jumpIf(r0, '==', 0, SLOW).label(known);
  a.movMapValue(r1, 'opening').load(r1, OPENING.at(r1).generation);
  a.load(r2, client.generation).jumpIf(r1, '!=', r2, SLOW);
  a.load(r1, client.way).jumpIf(r1, '==', 0, SLOW).store(locals.replyWay, r1);
  a.label(none);
}

/** An address of the packet to a key, filled up with zeros. */
function putAddress(a: Assembler, version: 4 | 6, from: Memory, to: Memory): void {
  if (version === 4) {
    a.load(r1, from)
      .store(part(to, 0, 4), r1)
      .store(part(to, 4, 4), 0)
      .store(part(to, 8, 8), 0);
    return;
  }
  for (const at of [0, 8]) a.load(r1, part(from, at, 8)).store(part(to, at, 8), r1);
}

/** Takes the service's next turn, to `turn`. */
function takeTurn(a: Assembler, { locals }: OpeningFrame, discard: string): void {
  const { cursor, count, first } = SERVICE.at(service);
  a.load(r1, cursor).store(locals.index, r1);
  lookUp(a, 'cursors', locals.offset + LOCALS.fields.index.offset);
  a.jumpIf(r0, '==', 0, discard).mov(r1, 1).atomicFetchAdd(CURSOR.at(r0).taken, r1);
  a.mov32(r1, r1).store(OPENED.at(entry).taken, r1);
  a.load(r2, count).mod32(r1, r2).load(r2, first).add(r1, r2);
  a.store(locals.index, r1).store(OPENED.at(entry).turn, r1);
  lookUp(a, 'turns', locals.offset + LOCALS.fields.index.offset);
  a.jumpIf(r0, '==', 0, discard).mov(turn, r0);
}

/** Fills the record for the engine in. */
function describe(a: Assembler, f: Frame, o: OpeningFrame, version: 4 | 6, key: Key): void {
  const to = OPENED.at(entry);
  a.load(r1, o.locals.now).store(to.time, r1);
  a.movMapValue(r1, 'opening').mov(r2, 1).atomicFetchAdd(OPENING.at(r1).next, r2).store(to.owner, r2);
  a.store(to.action, ACTION_OPENED).load(r1, f.locals.flags).store(to.flags, r1);
  a.load(r1, key.sourcePort).store(to.clientPort, r1);
  a.load(r1, o.locals.replyWay).store(to.replyWay, r1);
  const client = version === 4 ? ip4.source : ip6.source;
  for (let at = 0; at < 16; at += 4) {
    if (at < client.size) a.load(r1, part(client, at, 4)).store(part(to.client, at, 4), r1);
    else a.store(part(to.client, at, 4), 0);
  }
}

/** Writes a flow as the turn has it, unless there is one; r0 tells. @param what.way register with the number of its way; the turn's when left out. */
function writeFlow(
  a: Assembler,
  { locals, flow }: OpeningFrame,
  version: 4 | 6,
  what: { map: string; key: Key; template: Memory; way?: typeof r1 },
): void {
  if (what.way !== undefined) a.store(locals.index, what.way);
  const whole = { base: r10, offset: flow.offset, size: FLOW.size, name: 'flow' };
  for (let at = 0; at < FLOW.size; at += 8) {
    a.load(r1, part(what.template, at, 8)).store(part(whole, at, 8), r1);
  }
  if (what.way !== undefined) a.load(r1, locals.index).store(flow.way, r1);
  a.load(r1, locals.now).store(flow.lastUsed, r1);
  a.load(r1, OPENED.at(entry).owner).store(flow.owner, r1);
  const client = version === 4 ? ip4.source : ip6.source;
  a.load(r1, flow.pseudoSum);
  for (let at = 0; at < client.size; at += 4) a.load(r2, part(client, at, 4)).add(r1, r2);
  a.mov(r2, r1).rsh(r2, 32).mov32(r1, r1).add(r1, r2);
  fold(a, r1, r2, 3);
  a.store(flow.pseudoSum, r1);
  a.movMap(r1, what.map).mov(r2, r10).add(r2, what.key.offset);
  a.mov(r3, r10).add(r3, flow.offset).mov(r4, BPF_NOEXIST).call('map_update_elem');
}

/** The key of the answers' flow: from the real server, as the request's flow has it, to the client. */
function replyKey(a: Assembler, o: OpeningFrame, version: 4 | 6, request: Key): Key {
  const { address, port } = FLOW.at(turn);
  const key = version === 4 ? o.key4 : o.key6;
  for (let at = 0; at < key.source.size; at += 4) {
    a.load(r1, part(address, at, 4)).store(part(key.source, at, 4), r1);
    a.load(r1, part(request.source, at, 4)).store(part(key.destination, at, 4), r1);
  }
  a.load(r1, port).store(key.sourcePort, r1);
  a.load(r1, request.sourcePort).store(key.destinationPort, r1);
  a.load(r1, request.protocol).store(key.protocol, r1);
  return key;
}
