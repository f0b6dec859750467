import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ACK, FIN, PSH, RST, SYN, tcp, URG } from '../../test/support/packets.js';
import { CT_AGAIN, CT_INVALID, CT_LAST, CT_VALID, ctOpens, ctSane, TcpTrack } from './ct-tcp.js';
import {
  CT_S_CLOSE,
  CT_S_CLOSE_WAIT,
  CT_S_ESTABLISHED,
  CT_S_FIN_WAIT,
  CT_S_LAST_ACK,
  CT_S_SYN_RECV,
  CT_S_SYN_SENT,
  CT_S_SYN_SENT2,
  CT_S_TIME_WAIT,
} from './ct-tcp-states.js';

const HZ = 100;
const IP = 20;

/** A conversation: a (opens, first byte 1001) and b (first byte 5001), windows of 8192 bytes. */
class Talk {
  track!: TcpTrack;
  now = 0;

  private give(reply: boolean, flags: number, seq: number, ack: number, length: number): number {
    const bytes = tcp('10.0.0.1', 1, '10.0.0.2', 2, flags, { seq, ack, data: new Uint8Array(length) });
    const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.track ??= new TcpTrack(v, IP, bytes.length - IP, HZ);
    return this.track.segment(v, IP, bytes.length - IP, reply, 0, this.now);
  }

  a(flags: number, seq: number, ack = 0, length = 0): number {
    return this.give(false, flags, seq, ack, length);
  }

  b(flags: number, seq: number, ack = 0, length = 0): number {
    return this.give(true, flags, seq, ack, length);
  }

  open(): this {
    this.a(SYN, 1000);
    this.b(SYN | ACK, 5000, 1001);
    this.a(ACK, 1001, 5001);
    return this;
  }

  /** Seconds until it is forgotten. */
  get left(): number {
    return (this.track.expires - this.now) / HZ;
  }
}

describe('states', () => {
  it('of a handshake and a close by the one who opened', () => {
    const t = new Talk();
    const states = [];
    for (const step of [
      () => t.a(SYN, 1000),
      () => t.b(SYN | ACK, 5000, 1001),
      () => t.a(ACK, 1001, 5001),
      () => t.a(FIN | ACK, 1001, 5001),
      () => t.b(ACK, 5001, 1002),
      () => t.b(FIN | ACK, 5001, 1002),
      () => t.a(ACK, 1002, 5002),
    ]) {
      assert.equal(step(), CT_VALID);
      states.push([t.track.state, t.left]);
    }
    assert.deepEqual(states, [
      [CT_S_SYN_SENT, 120],
      [CT_S_SYN_RECV, 60],
      [CT_S_ESTABLISHED, 432_000],
      [CT_S_FIN_WAIT, 120],
      [CT_S_CLOSE_WAIT, 60],
      [CT_S_LAST_ACK, 30],
      [CT_S_TIME_WAIT, 120],
    ]);
  });

  it('of a simultaneous open', () => {
    const t = new Talk();
    t.a(SYN, 1000);
    assert.equal(t.b(SYN, 5000), CT_VALID);
    assert.equal(t.track.state, CT_S_SYN_SENT2);
    t.a(SYN | ACK, 1000, 5001);
    t.b(ACK, 5001, 1001);
    assert.equal(t.track.state, CT_S_ESTABLISHED);
  });

  it('of a conversation that was joined: nothing is out of window in it, and it is forgotten early', () => {
    const t = new Talk();
    t.a(ACK, 1001, 5001);
    assert.deepEqual([t.track.state, t.left], [CT_S_ESTABLISHED, 300]);
    assert.equal(t.b(ACK, 900_000, 700_000), CT_VALID);
    assert.equal(t.a(PSH | ACK, 300_000, 100, 10), CT_VALID);
  });
});

describe('a connection is forgotten', () => {
  it('after five minutes with unacknowledged data', () => {
    const t = new Talk().open();
    t.b(PSH | ACK, 5001, 1001, 10);
    assert.equal(t.left, 300);
    t.a(ACK, 1001, 5011);
    assert.equal(t.left, 432_000);
  });

  it('after five minutes when the same acknowledgement came again three times', () => {
    const t = new Talk().open();
    for (let i = 0; i < 3; i++) t.a(ACK, 1001, 5001);
    assert.equal(t.left, 300);
  });

  it('at once, when a reset is all that ever answered', () => {
    const t = new Talk();
    t.a(SYN, 1000);
    assert.equal(t.b(RST | ACK, 0, 1001), CT_LAST);
  });

  it('not later because a SYN is sent again', () => {
    const t = new Talk();
    t.a(SYN, 1000);
    t.now = 5000;
    t.a(SYN, 1000);
    assert.equal(t.left, 70);
  });
});

describe('a segment does not belong to the connection', () => {
  const refused = (what: string, step: (t: Talk) => number): void => {
    it(what, () => {
      const t = new Talk().open();
      assert.equal(step(t), CT_INVALID);
      assert.equal(t.track.state, CT_S_ESTABLISHED);
    });
  };
  refused('that acknowledges what was never sent', (t) => t.a(ACK, 1001, 5002));
  refused('that is more than a window beyond the window', (t) => t.a(PSH | ACK, 1001 + 2 * 8192, 5001, 1));
  refused('that is a SYN from the other side', (t) => t.b(SYN, 5001));
  refused('that is a SYN+ACK from the side that opened', (t) => t.a(SYN | ACK, 1001, 5001));
  refused('that is a FIN out of window', (t) => t.a(FIN | ACK, 900_000, 5001));
  refused('that is a reset of what is acknowledged already', (t) => t.b(RST, 5000));
});

describe('a segment is let pass and tells nothing', () => {
  const aside = (what: string, step: (t: Talk) => number): void => {
    it(what, () => {
      const t = new Talk().open();
      t.now = 100;
      assert.equal(step(t), CT_VALID);
      assert.equal(t.left, 432_000 - 1, 'it does not prolong the connection');
    });
  };
  aside('that was dealt with long ago', (t) => t.a(PSH | ACK, 1001 - 10_000, 5001, 1));
  aside('whose acknowledgement is very late', (t) => t.a(ACK, 1001, 5001 - 70_000));
  aside('that is a little early', (t) => t.a(PSH | ACK, 1001 + 8192 + 100, 5001, 10));
  aside('that is a SYN from the side that opened', (t) => t.a(SYN, 77_000));
});

describe('a reset', () => {
  it('with the very number that is expected closes', () => {
    const t = new Talk().open();
    assert.equal(t.b(RST, 5001), CT_VALID);
    assert.deepEqual([t.track.state, t.left], [CT_S_CLOSE, 10]);
  });

  it('with another number within the window leaves the connection as it is', () => {
    const t = new Talk().open();
    assert.equal(t.b(RST, 5005), CT_VALID);
    assert.equal(t.track.state, CT_S_ESTABLISHED);
  });
});

describe('a SYN that was let pass', () => {
  it('counts when the other side agrees to it', () => {
    const t = new Talk().open();
    t.a(SYN, 700_000);
    assert.equal(t.b(SYN | ACK, 900_000, 700_001), CT_VALID);
    assert.equal(t.track.state, CT_S_SYN_RECV);
    assert.equal(t.a(ACK, 700_001, 900_001), CT_VALID);
    assert.equal(t.track.state, CT_S_ESTABLISHED);
    assert.equal(t.a(ACK, 700_001, 900_002), CT_INVALID, 'the new numbers are in force');
  });

  it('leaves the server free of windows when the conversation had been joined', () => {
    const t = new Talk();
    t.a(ACK, 1001, 5001);
    t.b(ACK, 5001, 1001);
    t.a(SYN, 700_000);
    assert.equal(t.b(SYN | ACK, 900_000, 700_001), CT_VALID);
    assert.equal(t.a(ACK, 700_001, 900_001), CT_VALID);
    assert.equal(t.b(ACK, 2_000_000, 700_001), CT_VALID);
    assert.equal(t.a(ACK, 2_000_000, 900_001), CT_INVALID);
  });

  it('does not when the other side acknowledges something else', () => {
    const t = new Talk().open();
    t.a(SYN, 700_000);
    t.b(SYN | ACK, 900_000, 800_001);
    assert.equal(t.track.state, CT_S_ESTABLISHED);
  });

  it('begins another connection when this one was closed by a FIN, or reset by its opener', () => {
    const fin = new Talk().open();
    fin.a(FIN | ACK, 1001, 5001);
    fin.b(FIN | ACK, 5001, 1002);
    fin.a(ACK, 1002, 5002);
    assert.equal(fin.a(SYN, 700_000), CT_AGAIN);
    const reset = new Talk().open();
    reset.a(RST | ACK, 1001, 5001);
    assert.equal(reset.a(SYN, 700_000), CT_AGAIN);
  });

  it('does not when the server has reset it', () => {
    const t = new Talk().open();
    t.b(RST | ACK, 5001, 1001);
    assert.equal(t.a(SYN, 700_000), CT_VALID);
    assert.equal(t.track.state, CT_S_CLOSE);
  });
});

describe('a conversation that was not seen for a while', () => {
  it('is joined again when it is established', () => {
    const t = new Talk().open();
    assert.equal(t.a(ACK, 700_000, 900_000), CT_INVALID);
    t.track.rejoin();
    assert.equal(t.a(ACK, 700_000, 900_000), CT_VALID);
    assert.equal(t.b(ACK, 900_000, 700_000), CT_VALID);
  });

  it('is held to its numbers in any other state', () => {
    const t = new Talk().open();
    t.a(FIN | ACK, 1001, 5001);
    t.track.rejoin();
    assert.equal(t.b(ACK, 5001, 900_000), CT_INVALID);
  });
});

describe('a header', () => {
  const sane = (flags: number, doff?: number): boolean => {
    const bytes = tcp('10.0.0.1', 1, '10.0.0.2', 2, flags, doff === undefined ? {} : { doff });
    return ctSane(new DataView(bytes.buffer, bytes.byteOffset), IP, bytes.length - IP);
  };
  it('must be whole', () => {
    assert.equal(sane(ACK), true);
    assert.equal(sane(ACK, 4), false);
    assert.equal(sane(ACK, 6), false);
  });
  it('must have flags that a sender makes', () => {
    const all = [SYN, SYN | ACK, SYN | URG, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG];
    for (let flags = 0; flags < 64; flags++) {
      assert.equal(sane(flags), all.includes(flags & ~PSH), `flags ${flags}`);
    }
  });
  it('begins a connection with SYN, or with ACK in the middle of one', () => {
    assert.deepEqual([SYN, ACK, PSH | ACK, SYN | ACK, FIN | ACK, RST, RST | ACK].map(ctOpens), [
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
