/** Packets that may change the state of their connection: the tc program carries them, and leaves a record of each for the engine. */
import type { Assembler } from '../assembler.js';
import { part, r0, r1, r2, r3, r4, r10 } from '../operand.js';
import { ACK, type Frame, inFlow, ip4, ip6, SLOW, SYN, tcp4, tcp6 } from './common.js';
import { FLOW, FLOW_ACTIONS, FLOW_REPORTS, REPORT, REPORT_DUE } from './flow-maps.js';

/** Nobody is woken for it: the engine reads records before it does anything else. */
const BPF_RB_NO_WAKEUP = 1;
/** Of the difference of two numbers of 16 bits: the first is less. */
const LESS = 0x8000;

/**
 * Reports the packet if it is to be reported. Where that is not possible it takes the slow path, so this comes before anything of the packet is changed,
 * and behind all else that may send it there. r0 to r5 are overwritten.
 */
export function report(a: Assembler, f: Frame, version: 4 | 6): void {
  const { locals, report: record } = f;
  const marked = a.newLabel('report.marked');
  const plain = a.newLabel('report.plain');
  const tell = a.newLabel('report');
  const told = a.newLabel('report.told');
  const done = a.newLabel('reported');
  a.load(r1, locals.flags).load(r2, inFlow.report).jumpIf(r2, '!=', 0, marked);
  a.label(plain).jumpIf(r1, '==', ACK, done);
  a.label(tell);
  a.load(r2, inFlow.action);
  const answer = a.newLabel('report.answer');
  a.jumpIf(r2, '==', FLOW_ACTIONS.natReply, answer);
  // a client that says SYN may begin anew, and that is the engine's to decide
  a.jumpIf(r1, '&', SYN, SLOW);
  a.label(answer);
  a.store(record.action, r2).store(record.flags, r1);
  a.load(r1, inFlow.opened).store(record.opened, r1);
  a.load(r1, inFlow.owner).store(record.owner, r1);
  a.call('ktime_get_coarse_ns').store(record.time, r0);
  a.movMap(r1, 'reports').mov(r2, r10).add(r2, record.offset).mov(r3, REPORT.size).mov(r4, BPF_RB_NO_WAKEUP);
  a.call('ringbuf_output').load(r1, record.flags).load(r2, inFlow.report).jumpIf(r0, '==', 0, told);
  // when nobody listens, backups are not told of a packet that changes nothing, and that is all
  a.jumpIf(r1, '!=', ACK | REPORT_DUE, SLOW).jumpIf(r2, '&', FLOW_REPORTS.next, SLOW);
  a.label(told);
  afterwards(a, f, version, done);
  a.label(marked);
  const numbered = a.newLabel('report.numbered');
  const undue = a.newLabel('report.undue');
  a.jumpIf(r2, '&', FLOW_REPORTS.numbered, numbered);
  a.jumpIf(r1, '!=', ACK, tell).jumpIf(r2, '&', FLOW_REPORTS.next, tell);
  a.store(inFlow.report, FLOW_REPORTS.next).jump(done);
  a.label(numbered);
  unlessDue(a, undue);
  a.or(r1, REPORT_DUE).jump(tell);
  a.label(undue).jumpIf(r2, '&', FLOW_REPORTS.next, tell).jump(plain);
  a.label(done);
}

/** Goes to `undue` with a packet whose number is none that is told of, as that of no answer is. Packets are numbered; r3 and r4 are overwritten. */
export function unlessDue(a: Assembler, undue: string): void {
  a.load(r3, inFlow.action).jumpIf(r3, '==', FLOW_ACTIONS.natReply, undue);
  a.load(r3, inFlow.packets).load(r4, inFlow.tell).sub(r3, r4).jumpIf(r3, '&', LESS, undue);
}

/** The packet is reported: what is next? Its flags are in r1, the marks of its flow in r2. */
function afterwards(a: Assembler, f: Frame, version: 4 | 6, done: string): void {
  const undue = a.newLabel('told.undue');
  const again = a.newLabel('told.again');
  const moved = a.newLabel('told.moved');
  a.jumpIf(r1, '&', REPORT_DUE, again);
  a.label(undue).jumpIf(r1, '!=', ACK, moved);
  a.and(r2, FLOW_REPORTS.numbered).store(inFlow.report, r2).jump(done);
  a.label(again);
  const more = a.newLabel('told.more');
  a.and(r1, ~REPORT_DUE).load(r3, inFlow.period).jumpIf(r3, '!=', 0, more);
  a.and(r2, ~FLOW_REPORTS.numbered).store(inFlow.report, r2).jump(undue);
  a.label(more).load(r4, inFlow.tell).add(r3, r4).store(inFlow.tell, r3).jump(undue);
  a.label(moved);
  // what a server has changed is told with the client's next packet
  a.jumpIf(r2, '&', FLOW_REPORTS.numbered, `${moved}.numbered`).jump(done);
  a.label(`${moved}.numbered`).load(r1, inFlow.action).jumpIf(r1, '!=', FLOW_ACTIONS.natReply, done);
  markRequest(a, f, version);
  a.jump(done);
}

/** The next packet of the client whose server's this one is will be reported. */
function markRequest(a: Assembler, { key4, key6 }: Frame, version: 4 | 6): void {
  const none = a.newLabel('mark.none');
  const [key, ip, tcp] = version === 4 ? ([key4, ip4, tcp4] as const) : ([key6, ip6, tcp6] as const);
  // that of its own flow, with the protocol, is not needed any more
  for (let at = 0; at < key.source.size; at += 4) {
    a.load(r1, part(ip.destination, at, 4)).store(part(key.source, at, 4), r1);
    a.load(r1, part(inFlow.address, at, 4)).store(part(key.destination, at, 4), r1);
  }
  a.load(r1, tcp.destination).store(key.sourcePort, r1);
  a.load(r1, inFlow.port).store(key.destinationPort, r1);
  a.movMap(r1, `flows${version}`).mov(r2, r10).add(r2, key.offset).call('map_lookup_elem');
  const request = FLOW.at(r0);
  a.jumpIf(r0, '==', 0, none);
  a.load(r1, request.report).or(r1, FLOW_REPORTS.next).store(request.report, r1);
  a.label(none);
}
