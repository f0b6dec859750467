/** The TCP part of connection tracking: which segments belong to a connection (`nf_conntrack_proto_tcp.c`). */
import {
  TCP_ACK,
  TCP_CWR,
  TCP_ECE,
  TCP_FIN,
  TCP_MIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
  tcpAck,
  tcpFlags,
  tcpHeaderLength,
  tcpSequence,
  tcpWindow,
} from '../wire/tcp.js';
import { CtSide, WINDOW_ABOVE, WINDOW_ASIDE, WINDOW_IN } from './ct-side.js';
import {
  CT_ACK,
  CT_FIN,
  CT_NO_FLAG,
  CT_RST,
  CT_S_CLOSE,
  CT_S_ESTABLISHED,
  CT_S_FIN_WAIT,
  CT_S_IGNORE,
  CT_S_INVALID,
  CT_S_LAST_ACK,
  CT_S_NONE,
  CT_S_SYN_RECV,
  CT_S_SYN_SENT,
  CT_S_SYN_SENT2,
  CT_S_TIME_WAIT,
  CT_SHORT_TIMEOUT,
  CT_SYN,
  CT_SYNACK,
  CT_TIMEOUTS,
  ctNextState,
} from './ct-tcp-states.js';

/** The segment belongs to the connection. */
export const CT_VALID = 0;
/** It does not: the packet goes on as one of no connection. */
export const CT_INVALID = 1;
/** The connection is over, and the segment opens another one in its place. */
export const CT_AGAIN = 2;
/** It belongs to the connection, which is forgotten with it. */
export const CT_LAST = 3;

const MAX_RETRANS = 3;

/** What a reset is worth: nothing, */
const RESET_WRONG = 0;
/** as much as another segment, by its window, */
const RESET_LIKELY = 1;
/** so too, but the connection stays as it is, */
const RESET_DOUBTFUL = 2;
/** or all, whatever the window. */
const RESET_SURE = 3;

/** The only combinations of flags that a sender makes; PSH, ECE and CWR may come with each. */
const SANE_FLAGS: ReadonlySet<number> = new Set([
  TCP_SYN,
  TCP_SYN | TCP_URG,
  TCP_SYN | TCP_ACK,
  TCP_RST,
  TCP_RST | TCP_ACK,
  TCP_FIN | TCP_ACK,
  TCP_FIN | TCP_ACK | TCP_URG,
  TCP_ACK,
  TCP_ACK | TCP_URG,
]);

/** Kind of a segment: the first of RST, SYN, FIN, ACK. */
function kindOf(flags: number): number {
  if ((flags & TCP_RST) !== 0) return CT_RST;
  if ((flags & TCP_SYN) !== 0) return (flags & TCP_ACK) !== 0 ? CT_SYNACK : CT_SYN;
  if ((flags & TCP_FIN) !== 0) return CT_FIN;
  return (flags & TCP_ACK) !== 0 ? CT_ACK : CT_NO_FLAG;
}

/** Sequence number behind a segment of `length` bytes, header included. */
function segmentEnd(v: DataView, tcp: number, length: number): number {
  const flags = tcpFlags(v, tcp);
  const opens = (flags & TCP_SYN) !== 0 ? 1 : 0;
  const closes = (flags & TCP_FIN) !== 0 ? 1 : 0;
  return (tcpSequence(v, tcp) + length - tcpHeaderLength(v, tcp) + opens + closes) >>> 0;
}

/** True when the header at `tcp` is whole. @param length of the segment, bytes. */
export function ctWhole(v: DataView, tcp: number, length: number): boolean {
  if (length < TCP_MIN) return false;
  const header = tcpHeaderLength(v, tcp);
  return header >= TCP_MIN && header <= length;
}

/** True when the header at `tcp` is whole and its flags make sense (`tcp_error`). @param length of the segment, bytes. */
export function ctSane(v: DataView, tcp: number, length: number): boolean {
  if (!ctWhole(v, tcp, length)) return false;
  return SANE_FLAGS.has(tcpFlags(v, tcp) & ~(TCP_PSH | TCP_ECE | TCP_CWR));
}

/** True when a segment with these flags may be the first one seen: a SYN, or one from the middle of a conversation. */
export function ctOpens(flags: number): boolean {
  return ctNextState(false, kindOf(flags), CT_S_NONE) !== CT_S_INVALID;
}

/** One connection (`struct ip_ct_tcp`). A "reply" comes from the side that did not send the first segment. */
export class TcpTrack {
  state = CT_S_NONE;
  /** Jiffies when it is forgotten. */
  expires = 0;
  private readonly hz: number;
  private sides: [CtSide, CtSide];
  private seenReply = false;
  private assured = false;
  private closing = false;
  private simultaneous = false;
  /** The last segment, valid or let pass. */
  private lastKind = CT_NO_FLAG;
  private lastReply = false;
  private lastSeq = 0;
  private lastAck = 0;
  private lastEnd = 0;
  private lastWin = 0;
  private retrans = 0;
  /** What a SYN told that was let pass; it counts once the other side agrees. */
  private passed = new CtSide();
  private expectsChallenge = false;

  /** Begins with a segment that {@link ctOpens}; it is to be given to {@link segment} as well (`tcp_new`). */
  constructor(v: DataView, tcp: number, length: number, hz: number) {
    this.hz = hz;
    const end = segmentEnd(v, tcp, length);
    if (kindOf(tcpFlags(v, tcp)) === CT_SYN) {
      this.sides = [new CtSide(), new CtSide()];
      this.sides[0].open(v, tcp, end);
    } else {
      this.sides = CtSide.joined(v, tcp, end);
    }
  }

  /** One that was written down, as JSON has it. */
  static restored(was: TcpTrack): TcpTrack {
    const track = Object.assign(Object.create(TcpTrack.prototype) as TcpTrack, was);
    const side = (of: CtSide): CtSide => Object.assign(new CtSide(), of);
    track.sides = [side(was.sides[0]), side(was.sides[1])];
    track.passed = side(was.passed);
    return track;
  }

  /** It has not been seen for a while: when it is established, what comes next from either side is taken as it is. */
  rejoin(): void {
    if (this.state === CT_S_ESTABLISHED) for (const side of this.sides) side.maxWin = 0;
  }

  /**
   * Takes a segment that is {@link ctSane} (`nf_conntrack_tcp_packet`).
   * @param offset by how much the receiver's bytes have moved where the segment acknowledges them.
   * @param now jiffies. @returns `CT_VALID`, `CT_INVALID`, `CT_AGAIN` or `CT_LAST`.
   */
  segment(v: DataView, tcp: number, length: number, reply: boolean, offset: number, now: number): number {
    const kind = kindOf(tcpFlags(v, tcp));
    const verdict = this.take(v, tcp, length, kind, reply, offset, now);
    if (reply && verdict === CT_VALID) this.seenReply = true;
    return verdict;
  }

  private take(
    v: DataView,
    tcp: number,
    length: number,
    kind: number,
    reply: boolean,
    offset: number,
    now: number,
  ): number {
    let old = this.state;
    let next = ctNextState(reply, kind, old);
    if (next === CT_S_INVALID) return CT_INVALID;
    if (next === CT_S_SYN_SENT && old >= CT_S_TIME_WAIT) {
      if (this.closing || (!this.lastReply && this.lastKind === CT_RST)) return CT_AGAIN;
      next = CT_S_IGNORE;
    }
    const end = segmentEnd(v, tcp, length);
    let checked = false;
    if (next === CT_S_IGNORE) {
      if (!this.agrees(v, tcp, kind, reply)) return this.pass(v, tcp, end, kind, reply);
      const answers = this.sides[reply ? 1 : 0].anew();
      this.sides = reply ? [this.passed, answers] : [answers, this.passed];
      this.passed = new CtSide();
      this.expectsChallenge = false;
      old = CT_S_SYN_SENT;
      next = CT_S_SYN_RECV;
    } else if (next === CT_S_TIME_WAIT && this.isChallenge(old, kind, reply)) {
      this.expectsChallenge = false;
      return CT_VALID;
    } else if (next === CT_S_SYN_SENT2) {
      this.simultaneous = true;
    } else if (next === CT_S_SYN_RECV && reply && kind === CT_ACK && this.simultaneous) {
      next = CT_S_ESTABLISHED;
    } else if (next === CT_S_CLOSE && kind === CT_RST) {
      const right = this.checkReset(v, tcp, old, reply);
      if (right === RESET_WRONG) return CT_INVALID;
      if (right === RESET_DOUBTFUL) next = old;
      checked = right === RESET_SURE;
    }
    if (!checked) {
      const place = this.window(v, tcp, end, kind, reply, offset);
      if (place === WINDOW_ASIDE) return CT_VALID;
      if (place === WINDOW_ABOVE) return this.beyondWindow(kind, reply, now);
    }
    this.lastKind = kind;
    this.lastReply = reply;
    this.state = next;
    if (old !== next && next === CT_S_FIN_WAIT) this.closing = true;
    return this.refresh(kind, old, next, now);
  }

  /** A SYN+ACK that agrees to a SYN which was let pass: the two ends are right, and this table was not. */
  private agrees(v: DataView, tcp: number, kind: number, reply: boolean): boolean {
    return (
      kind === CT_SYNACK &&
      this.lastKind === CT_SYN &&
      this.lastReply !== reply &&
      tcpAck(v, tcp) === this.lastEnd
    );
  }

  /** Lets a segment pass that fits nothing here, but may be right for the two ends; what comes next will tell. */
  private pass(v: DataView, tcp: number, end: number, kind: number, reply: boolean): number {
    this.lastKind = kind;
    this.lastReply = reply;
    this.lastSeq = tcpSequence(v, tcp);
    this.lastEnd = end;
    this.lastWin = tcpWindow(v, tcp);
    if (kind === CT_SYN && !reply) {
      this.passed = new CtSide();
      this.passed.open(v, tcp, end);
      this.expectsChallenge = this.state === CT_S_LAST_ACK;
    }
    if (this.state === CT_S_SYN_SENT && kind === CT_ACK && reply) this.lastAck = tcpAck(v, tcp);
    return CT_VALID;
  }

  /** The answer to a late SYN (RFC 5961 4.2), which must not be taken as the last acknowledgement. */
  private isChallenge(old: number, kind: number, reply: boolean): boolean {
    return (
      old === CT_S_LAST_ACK &&
      kind === CT_ACK &&
      this.lastReply !== reply &&
      this.lastKind === CT_SYN &&
      this.expectsChallenge
    );
  }

  /** A reset: whether it may come from the one whose name it bears. */
  private checkReset(v: DataView, tcp: number, old: number, reply: boolean): number {
    if (old >= CT_S_FIN_WAIT && old <= CT_S_CLOSE) return RESET_SURE;
    const seq = tcpSequence(v, tcp);
    const { maxAck } = this.sides[reply ? 0 : 1];
    if (maxAck !== undefined && this.lastKind !== CT_SYN) {
      const established = old === CT_S_ESTABLISHED && this.assured;
      if (seq === 0 && !established) return RESET_LIKELY;
      if (((seq - maxAck) | 0) < 0) return RESET_WRONG;
      if (!established || seq === maxAck) return RESET_LIKELY;
      if (this.lastKind === CT_ACK && this.lastReply === reply && seq === this.lastEnd) return RESET_LIKELY;
      return RESET_DOUBTFUL;
    }
    // it answers what was let pass before
    const answersSyn = this.seenReply && this.lastKind === CT_SYN;
    const answersAck = !this.assured && this.lastKind === CT_ACK;
    if ((answersSyn || answersAck) && tcpAck(v, tcp) === this.lastEnd) return RESET_SURE;
    const answersChallenge = old === CT_S_SYN_SENT && this.lastKind === CT_ACK && this.lastReply;
    return answersChallenge && seq === this.lastAck ? RESET_SURE : RESET_LIKELY;
  }

  private window(
    v: DataView,
    tcp: number,
    end: number,
    kind: number,
    reply: boolean,
    offset: number,
  ): number {
    const sender = this.sides[reply ? 1 : 0];
    const receiver = this.sides[reply ? 0 : 1];
    const opening = this.state === CT_S_SYN_SENT || this.state === CT_S_SYN_RECV;
    const place = sender.send(receiver, v, tcp, end, opening, offset);
    if (place === WINDOW_IN && kind === CT_ACK) this.noteAck(v, tcp, end, reply, offset);
    return place;
  }

  /** The same acknowledgement again and again means that something is lost. */
  private noteAck(v: DataView, tcp: number, end: number, reply: boolean, offset: number): void {
    const seq = tcpSequence(v, tcp);
    const ack = (tcpAck(v, tcp) - offset) >>> 0;
    const win = tcpWindow(v, tcp);
    const again =
      this.lastReply === reply &&
      this.lastSeq === seq &&
      this.lastAck === ack &&
      this.lastEnd === end &&
      this.lastWin === win;
    this.retrans = again ? this.retrans + 1 : 0;
    this.lastReply = reply;
    this.lastSeq = seq;
    this.lastAck = ack;
    this.lastEnd = end;
    this.lastWin = win;
  }

  /** FIN or RST out of window from both sides: the two are probably done with each other. */
  private beyondWindow(kind: number, reply: boolean, now: number): number {
    if (kind !== CT_FIN && kind !== CT_RST) return CT_INVALID;
    if (this.lastReply !== reply && (this.lastKind === CT_FIN || this.lastKind === CT_RST)) {
      const sooner = (now + CT_SHORT_TIMEOUT * this.hz) | 0;
      if (((sooner - this.expires) | 0) < 0) this.expires = sooner;
    } else {
      this.lastKind = kind;
      this.lastReply = reply;
    }
    return CT_INVALID;
  }

  /** Sets when the connection is forgotten. */
  private refresh(kind: number, old: number, next: number, now: number): number {
    let seconds: number = CT_TIMEOUTS[next]!;
    const most = (limit: number): void => {
      seconds = Math.min(seconds, limit);
    };
    if (this.retrans >= MAX_RETRANS && seconds > CT_SHORT_TIMEOUT) most(CT_SHORT_TIMEOUT);
    else if (kind === CT_RST) seconds = CT_TIMEOUTS[CT_S_CLOSE];
    else if (this.sides[0].unacknowledged || this.sides[1].unacknowledged || this.lastWin === 0)
      most(CT_SHORT_TIMEOUT);
    if (!this.seenReply) {
      if (kind === CT_RST) return CT_LAST;
      if (kind === CT_SYN && old === CT_S_SYN_SENT) return CT_VALID;
      if (next === CT_S_ESTABLISHED) most(CT_SHORT_TIMEOUT);
    } else if (!this.assured && (old === CT_S_SYN_RECV || old === CT_S_ESTABLISHED)) {
      this.assured = next === CT_S_ESTABLISHED;
    }
    this.expires = (now + seconds * this.hz) | 0;
    return CT_VALID;
  }
}
