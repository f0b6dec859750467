/** What connection tracking knows of one end of a TCP connection (`struct ip_ct_tcp_state`), and its windows (`tcp_in_window`). */
import {
  TCP_ACK,
  TCP_MIN,
  TCP_RST,
  TCP_SYN,
  tcpAck,
  tcpFlags,
  tcpHeaderLength,
  tcpSequence,
  tcpWindow,
} from '../wire/tcp.js';
import { SACK_BLOCK, TCPOPT_SACK, TCPOPT_SACK_PERM, TCPOPT_WINDOW, tcpOptions } from '../wire/tcp-options.js';
import { seqAfter, seqBefore } from './seq.js';

/** The segment is within the windows. */
export const WINDOW_IN = 0;
/** It is let pass, and tells nothing: it, or what it acknowledges, was dealt with long ago, or it is only a little early. */
export const WINDOW_ASIDE = 1;
/** It is beyond what may be sent, or acknowledges what never was. */
export const WINDOW_ABOVE = 2;

/** An acknowledgement may be this far behind the data, whatever the window (`MAXACKWINCONST`). */
const MAX_ACK_WINDOW = 66_000;
/** RFC 7323 2.3. */
const MAX_WINDOW_SCALE = 14;

/** One end. Sequence numbers are unsigned 32-bit integers. */
export class CtSide {
  /** Behind the last byte that it sent. */
  end = 0;
  /** Behind the last byte that it may send. */
  maxEnd = 0;
  /** Largest window that it offered; 0 while it was not heard. */
  maxWin = 0;
  /** Highest acknowledgement that it sent. */
  maxAck: number | undefined = undefined;
  /** It has sent data that is not acknowledged. */
  unacknowledged = false;
  private scale = 0;
  private scales = false;
  private sackPermitted = false;
  private liberal = false;

  /** Begins with a SYN at `tcp`. @param end behind it. */
  open(v: DataView, tcp: number, end: number): void {
    this.end = end;
    this.maxEnd = end;
    this.maxWin = tcpWindow(v, tcp) || 1;
    this.readOptions(v, tcp);
  }

  /** Joins a conversation of which this side's segment is the first that was seen: nothing is out of window in it. */
  static joined(v: DataView, tcp: number, end: number): [CtSide, CtSide] {
    const sender = new CtSide();
    const receiver = new CtSide();
    sender.end = end;
    sender.maxWin = tcpWindow(v, tcp) || 1;
    sender.maxEnd = (end + sender.maxWin) >>> 0;
    for (const side of [sender, receiver]) {
      side.sackPermitted = true;
      side.liberal = true;
    }
    return [sender, receiver];
  }

  /** It begins anew, once the other side agrees to that; still nothing is out of window if nothing was. */
  anew(): CtSide {
    const side = new CtSide();
    side.liberal = this.liberal;
    return side;
  }

  /** A SYN without options leaves things as they are. */
  private readOptions(v: DataView, tcp: number): void {
    if (tcpHeaderLength(v, tcp) === TCP_MIN) return;
    this.scale = 0;
    this.scales = false;
    this.sackPermitted = false;
    this.unacknowledged = false;
    this.maxAck = undefined;
    tcpOptions(v, tcp, (kind, at, length) => {
      if (kind === TCPOPT_SACK_PERM && length === 0) this.sackPermitted = true;
      if (kind !== TCPOPT_WINDOW || length !== 1) return;
      this.scale = Math.min(v.getUint8(at), MAX_WINDOW_SCALE);
      this.scales = true;
    });
  }

  /**
   * Whether a segment of this side fits what is known of both; if so, more is known.
   * @param opening the connection is not established yet. @param end behind the segment.
   * @param offset by how much bytes of the receiver have moved where the segment acknowledges them.
   */
  send(receiver: CtSide, v: DataView, tcp: number, end: number, opening: boolean, offset: number): number {
    const flags = tcpFlags(v, tcp);
    const syn = (flags & TCP_SYN) !== 0;
    const window = tcpWindow(v, tcp);
    let ack = (tcpAck(v, tcp) - offset) >>> 0;
    let sack = receiver.sackPermitted ? (highestSack(v, tcp) - offset) >>> 0 : ack;
    if (this.maxWin === 0) {
      if (syn) {
        this.open(v, tcp, end);
        if (!this.scales || !receiver.scales) {
          this.scale = 0;
          receiver.scale = 0;
        }
        if ((flags & TCP_ACK) === 0) return WINDOW_IN;
      } else {
        this.join(receiver, end, window << this.scale, sack);
      }
    } else if (syn && opening && seqAfter(end, this.end)) {
      // another attempt, with numbers of its own
      this.open(v, tcp, end);
    }
    if ((flags & TCP_ACK) === 0 || ((flags & TCP_RST) !== 0 && ack === 0)) {
      ack = receiver.end;
      sack = receiver.end;
    }
    const answersSyn = (flags & TCP_RST) !== 0 && opening && tcpSequence(v, tcp) === 0;
    const seq = answersSyn ? this.end : tcpSequence(v, tcp);
    const last = answersSyn ? this.end : end;
    const place = this.place(receiver, seq, last, sack);
    if (place !== WINDOW_IN) return this.liberal ? WINDOW_IN : place;
    this.learn(receiver, last, ack, sack, syn ? window : window << this.scale, (flags & TCP_ACK) !== 0);
    return WINDOW_IN;
  }

  /** The first segment of this side in a conversation that was joined: its numbers are taken as they are. */
  private join(receiver: CtSide, end: number, window: number, sack: number): void {
    this.end = end;
    this.maxWin = window || 1;
    this.maxEnd = (end + this.maxWin) >>> 0;
    if (receiver.maxWin === 0) {
      receiver.end = sack;
      receiver.maxEnd = sack;
    } else if (sack === (receiver.end + 1) >>> 0) {
      // the answer to a keepalive
      receiver.end = sack;
    }
  }

  private place(receiver: CtSide, seq: number, end: number, sack: number): number {
    if (!seqBefore(sack, receiver.end + 1)) return WINDOW_ABOVE;
    const late = !seqAfter(sack, receiver.end - Math.max(this.maxWin, MAX_ACK_WINDOW) - 1);
    if (!seqBefore(seq, this.maxEnd + 1)) {
      if (late || (end - this.maxEnd) >>> 0 >= receiver.maxWin) return WINDOW_ABOVE;
      // no more than a window beyond the window: the receiver may have opened it without our seeing that
      this.end = end;
      this.unacknowledged = true;
      return WINDOW_ASIDE;
    }
    if (receiver.maxWin !== 0 && !seqAfter(end, this.end - receiver.maxWin - 1)) return WINDOW_ASIDE;
    return late ? WINDOW_ASIDE : WINDOW_IN;
  }

  private learn(
    receiver: CtSide,
    end: number,
    ack: number,
    sack: number,
    window: number,
    acks: boolean,
  ): void {
    this.maxWin = Math.max(this.maxWin, window + ((sack - ack) >>> 0));
    if (seqAfter(end, this.end)) {
      this.end = end;
      this.unacknowledged = true;
    }
    if (acks && (this.maxAck === undefined || seqAfter(ack, this.maxAck))) this.maxAck = ack;
    if (receiver.maxWin !== 0 && seqAfter(end, this.maxEnd)) receiver.maxWin += (end - this.maxEnd) >>> 0;
    if (seqAfter(sack + window, receiver.maxEnd - 1)) {
      receiver.maxEnd = (sack + window + (window === 0 ? 1 : 0)) >>> 0;
    }
    if (ack === receiver.end) receiver.unacknowledged = false;
  }
}

/** The furthest byte that a segment acknowledges, with its SACK blocks (RFC 2018). */
function highestSack(v: DataView, tcp: number): number {
  let highest = tcpAck(v, tcp);
  tcpOptions(v, tcp, (kind, at, length) => {
    if (kind !== TCPOPT_SACK || length % SACK_BLOCK !== 0) return;
    for (let o = at; o < at + length; o += SACK_BLOCK) {
      const edge = v.getUint32(o + SACK_BLOCK / 2);
      if (seqAfter(edge, highest)) highest = edge;
    }
  });
  return highest;
}
