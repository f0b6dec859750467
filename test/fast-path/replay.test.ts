/** Whatever packets come, and whoever carries them: connections, dests and counters are in the end as if the engine had seen each of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CONN_F_MASQ } from '../../src/engine/flags.js';
import { ACK, FIN, PSH, RST, SYN, TCP, tcp, UDP, udp } from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { KINDS, type Kind } from './director.js';
import { FastSide, Side, type Step } from './sides.js';

const CLIENT = { 4: '10.9.9.9', 6: '2001:db8:9::9' };

const kinds = KINDS.filter(({ name }) => ['nat4', 'nat6', 'direct4', 'tunnel 4in4'].includes(name));

function packetOf(kind: Kind, protocol: number, port: number, fromServer: boolean, flags: number): Step {
  const client = CLIENT[kind.vip.includes(':') ? 6 : 4];
  // only answers of NAT servers pass here
  const answer = fromServer && kind.method === CONN_F_MASQ;
  const ends = answer
    ? ([kind.server, kind.serverPort, client, port] as const)
    : ([client, port, kind.vip, kind.port] as const);
  const packet = protocol === TCP ? tcp(...ends, flags) : udp(...ends);
  return { what: 'packet', packet, fromServer: answer };
}

const flags = fc.oneof(
  { weight: 4, arbitrary: fc.constant(ACK) },
  { weight: 4, arbitrary: fc.constantFrom(SYN, SYN | ACK, FIN | ACK) },
  { weight: 1, arbitrary: fc.constantFrom(RST, RST | ACK, ACK | PSH, FIN, 0) },
);
const packetStep = fc
  .tuple(
    fc.constantFrom(...kinds),
    fc.constantFrom(TCP, TCP, TCP, UDP),
    fc.integer({ min: 1000, max: 1000 }),
    fc.boolean(),
    flags,
  )
  .map((args) => packetOf(...args));
/** Connections mostly open as they should. */
const opening = fc
  .tuple(fc.constantFrom(...kinds), fc.integer({ min: 1000, max: 1000 }))
  .map(([kind, port]) => [
    packetOf(kind, TCP, port, false, SYN),
    packetOf(kind, TCP, port, true, kind.method === CONN_F_MASQ ? SYN | ACK : ACK),
    packetOf(kind, TCP, port, false, ACK),
  ]);
const stepsArb = fc
  .array(
    fc.oneof(
      { weight: 20, arbitrary: packetStep.map((step) => [step]) },
      { weight: 4, arbitrary: opening },
      { weight: 4, arbitrary: fc.constant<Step[]>([{ what: 'turn' }]) },
      { weight: 1, arbitrary: fc.boolean().map((on): Step[] => [{ what: 'secure', on }]) },
    ),
    { minLength: 40, maxLength: 100 },
  )
  .map((steps) => steps.flat());

describe('the engine with a fast path', rootOnly(), () => {
  test('is in the end where it would be without', () => {
    let carried = 0;
    fc.assert(
      fc.property(stepsArb, (steps) => {
        const alone = new Side();
        const fast = new FastSide();
        try {
          for (const step of steps) for (const side of [alone, fast]) side.step(step);
          carried += fast.carried;
          assert.deepEqual(fast.seen(), alone.seen());
        } finally {
          fast.close();
        }
      }),
      { numRuns: 400 },
    );
    assert.ok(carried > 2000, `only ${carried} packets were carried`);
  });

  test('sees the acknowledgement that counts, though others did not', () => {
    const kind = kinds[0]!;
    const packet = (flags: number): Step => packetOf(kind, TCP, 1000, false, flags);
    const alone = new Side();
    const fast = new FastSide();
    try {
      // while somebody attacks only the server's ends SYN_RECV
      const secure = (on: boolean): Step => ({ what: 'secure', on });
      for (const step of [packet(SYN), secure(true), packet(ACK), secure(false), packet(ACK)])
        for (const side of [alone, fast]) side.step(step);
      assert.equal(fast.carried, 1);
      assert.deepEqual(fast.seen(), alone.seen());
    } finally {
      fast.close();
    }
  });
});
