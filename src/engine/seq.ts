/** Sequence numbers of a TCP stream whose payload was made longer or shorter on its way (`struct ip_vs_seq`, `struct nf_ct_seqadj`). */

/** Serial number arithmetic (RFC 9293 3.4): `a` comes later than `b`. Any 32-bit integers, signed or not. */
export function seqAfter(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** `a` comes earlier than `b`. */
export function seqBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/**
 * One direction's change of length, for applications that change payload without connection tracking (`struct ip_vs_seq`).
 * All that comes behind `initSeq` has moved by `delta`, what was before it by `previousDelta`.
 */
export class ConnSeq {
  initSeq = 0;
  delta = 0;
  previousDelta = 0;

  /** Sequence number of the changed stream for one of the original (`vs_fix_seq`). */
  fix(seq: number): number {
    return (seq + (seqAfter(seq, this.initSeq) ? this.delta : this.previousDelta)) >>> 0;
  }

  /** Acknowledgement of the original stream for one of the changed (`vs_fix_ack_seq`). */
  fixAck(ack: number): number {
    return (ack - (seqAfter(ack, this.initSeq + this.delta) ? this.delta : this.previousDelta)) >>> 0;
  }

  /**
   * A packet has become longer by `diff` bytes; not seen again when it is sent again (`vs_seq_update`).
   * @param first no packet of this direction has changed its length before. @param seq its original sequence number.
   */
  update(first: boolean, seq: number, diff: number): void {
    if (!first && !seqAfter(seq, this.initSeq)) return;
    this.previousDelta = this.delta;
    this.delta = (this.delta + diff) | 0;
    this.initSeq = seq >>> 0;
  }
}

/**
 * The same as connection tracking keeps it (`struct nf_ct_seqadj`). It differs from {@link ConnSeq} in where an acknowledgement
 * changes over, and in what a second change at the same place does.
 */
export class SeqAdj {
  private correctionPos = 0;
  private offsetBefore = 0;
  private offsetAfter = 0;

  /** The packet that begins at `seq` has become longer by `diff` bytes (`nf_ct_seqadj_set`). */
  set(seq: number, diff: number): void {
    if (diff === 0) return;
    if (this.offsetBefore !== this.offsetAfter && !seqBefore(this.correctionPos, seq)) return;
    this.correctionPos = seq >>> 0;
    this.offsetBefore = this.offsetAfter;
    this.offsetAfter = (this.offsetAfter + diff) | 0;
  }

  /** No packet has changed its length. */
  get idle(): boolean {
    return this.offsetAfter === 0 && this.offsetBefore === 0;
  }

  /** By how much a byte of the original stream has moved (`nf_ct_seq_offset`). */
  offset(seq: number): number {
    return seqAfter(seq, this.correctionPos) ? this.offsetAfter : this.offsetBefore;
  }

  /** By how much a byte of the changed stream has moved. */
  offsetBack(ack: number): number {
    return this.offset((ack - this.offsetBefore) | 0);
  }
}
