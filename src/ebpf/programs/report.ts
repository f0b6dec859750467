/** Packets that may change the state of their connection: the tc program carries them, and leaves a record of each for the engine. */
import type { Assembler } from '../assembler.js';
import { r0, r1, r2, r3, r4, r10 } from '../operand.js';
import { ACK, type Frame, inFlow, SLOW, SYN } from './common.js';
import { FLOW_ACTIONS, REPORT } from './flow-maps.js';

/** Nobody is woken for it: the engine reads records before it does anything else. */
const BPF_RB_NO_WAKEUP = 1;

/**
 * Reports the packet if it is to be reported. Where that is not possible it takes the slow path, so this comes before anything of the packet is changed,
 * and behind all else that may send it there. r0 to r5 are overwritten.
 */
export function report(a: Assembler, { locals, report: record }: Frame): void {
  const tell = a.newLabel('report');
  const done = a.newLabel('reported');
  a.load(r1, locals.flags).jumpIf(r1, '!=', ACK, tell);
  a.load(r2, inFlow.report).jumpIf(r2, '==', 0, done);
  a.jumpIf(r2, '==', 1, tell).store(inFlow.report, 1).jump(done);
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
  a.call('ringbuf_output').jumpIf(r0, '!=', 0, SLOW);
  a.load(r1, locals.flags).jumpIf(r1, '!=', ACK, done).store(inFlow.report, 0);
  a.label(done);
}
