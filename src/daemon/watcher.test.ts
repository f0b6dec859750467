/** What is seen of an engine: every connection from its beginning to its end, and packets that match. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ExplainBench, VIP } from '../../test/support/explain-bench.js';
import { ACK, RST, SYN, TCP, tcp, UDP, udp } from '../../test/support/packets.js';
import { toPacketFilter } from '../control/conn-filter.js';
import { CONN_F_MASQ, SVC_F_ONEPACKET, SVC_F_PERSISTENT } from '../engine/flags.js';
import { NF_INET_LOCAL_IN } from '../engine/verdict.js';
import { Packet } from '../wire/packet.js';
import { type Seen, Watcher } from './watcher.js';

function setUp() {
  const bench = new ExplainBench(64);
  bench.server(bench.service(TCP, 80, 'rr', { flags: SVC_F_PERSISTENT }), 0, CONN_F_MASQ, 1);
  bench.server(bench.service(UDP, 53, 'rr', { flags: SVC_F_ONEPACKET }), 1, CONN_F_MASQ, 1);
  const seen: Seen[] = [];
  let open = true;
  const watcher = new Watcher(bench.net, (events) => {
    if (open) seen.push(...events);
    return open;
  });
  const p = new Packet(2048);
  const come = (bytes: Uint8Array): void => {
    p.load(bytes);
    p.ifindex = 2;
    bench.net.receive(p, NF_INET_LOCAL_IN);
  };
  const block = (blocked: boolean): void => {
    open = !blocked;
  };
  return { bench, seen, watcher, come, block };
}

const web = (n: number, flags: number) => tcp('10.9.0.10', 4000 + n, VIP, 80, flags);

describe('watching connections', () => {
  test('what was made less what has ended is what there is', () => {
    const step = fc.record({
      n: fc.nat({ max: 20 }),
      what: fc.constantFrom('syn', 'ack', 'rst', 'udp', 'wait'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { bench, seen, watcher, come } = setUp();
        watcher.watch({ connections: true, packets: [] });
        let now = 0;
        for (const { n, what } of steps) {
          if (what === 'wait') {
            now += 50_000;
            bench.net.advance(now);
          } else if (what === 'udp') come(udp('10.9.0.10', 4000 + n, VIP, 53));
          else come(web(n, what === 'syn' ? SYN : what === 'ack' ? ACK : RST));
          watcher.flush();
        }
        const known = new Map<string, number>();
        for (const { body } of seen) {
          assert.ok(body.event === 'connection.made' || body.event === 'connection.ended');
          const c = body.connection;
          const key = `${c.protocol} ${c.clientPort} ${c.virtualPort}`;
          known.set(key, (known.get(key) ?? 0) + (body.event === 'connection.made' ? 1 : -1));
        }
        const left = [...known].filter(([, count]) => count !== 0).map(([key, count]) => `${key} ${count}`);
        const listed = bench.net.ipvs.listConns(0, 1000).entries;
        assert.deepEqual(
          left.sort(),
          listed.map((c) => `${c.protocol} ${c.clientPort} ${c.virtualPort} 1`).sort(),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('what cannot be handed on waits, and is counted when it is too much', () => {
    const { seen, watcher, come, block } = setUp();
    watcher.watch({ connections: true, packets: [] });
    block(true);
    for (let i = 0; i < 5000; i++) come(udp('10.9.0.10', 1000 + (i % 60_000), VIP, 53));
    watcher.flush();
    assert.equal(seen.length, 0);
    block(false);
    watcher.flush();
    const last = seen.at(-1)!.body;
    assert.ok(last.event === 'lost');
    assert.equal(seen.length - 1 + last.count, 10_000, 'each was made and has ended');
  });

  test('nobody is called once the watch has ended', () => {
    const { bench, watcher } = setUp();
    watcher.watch({ connections: true, packets: [{ id: 1, filter: {} }] });
    watcher.watch({ connections: false, packets: [] });
    assert.deepEqual([bench.net.ipvs.onConn, bench.net.onPacket], [undefined, undefined]);
  });
});

describe('tracing packets', () => {
  test('those that match are told with their bytes as they came, and for whom', () => {
    const { seen, watcher, come } = setUp();
    watcher.watch({
      connections: false,
      packets: [
        { id: 1, filter: { protocol: 'udp' } },
        { id: 2, filter: { address: '10.9.0.10:4001' } },
        { id: 3, filter: {} },
      ],
    });
    come(web(1, SYN));
    come(udp('10.9.0.10', 4002, VIP, 53));
    watcher.flush();
    assert.deepEqual(
      seen.map(({ ids }) => ids),
      [
        [2, 3],
        [1, 3],
      ],
    );
    const [{ body }] = seen as [Seen];
    assert.ok(body.event === 'packet');
    assert.equal(body.bytes, Buffer.from(web(1, SYN)).toString('hex'));
    assert.equal(body.explanation.outcome, 'sent');
  });

  test('a flood is not explained to its last packet, but counted', () => {
    const { seen, watcher, come } = setUp();
    watcher.watch({ connections: false, packets: [{ id: 1, filter: {} }] });
    for (let i = 0; i < 1500; i++) come(web(1, i === 0 ? SYN : ACK));
    watcher.flush();
    const last = seen.at(-1)!.body;
    assert.ok(last.event === 'lost' && last.count > 0);
    assert.equal(seen.length - 1 + last.count, 1500);
  });

  for (const [address, want] of [
    ['10.9.0.10', true],
    ['10.9.0.0/24', true],
    ['10.1.0.100:80', true],
    ['10.1.0.100:4001', false],
    ['10.9.0.11', false],
    ['fd00::/8', false],
    ['0.0.0.0/0:4001', true],
  ] as const) {
    test(`a filter for ${address}`, () => {
      const p = new Packet(256);
      p.load(web(1, SYN));
      assert.equal(toPacketFilter({ address })(p), want);
    });
  }
});

test('a server that was drained and is gone is told of to those who hear of the configuration', () => {
  for (const drains of [true, false]) {
    const { bench, seen, watcher } = setUp();
    bench.net.ipvs.onDrained = (drained) => watcher.drained(drained);
    watcher.watch({ drains, connections: false, packets: [] });
    const svc = [...bench.net.ipvs.services].find(({ destinations }) => destinations.length > 0)!;
    const [{ addr, port }] = svc.destinations as [(typeof svc.destinations)[number]];
    bench.net.ipvs.drainDest(svc, { addr, port }, { deadline: 5, end: 'none' });
    bench.net.advance(2000);
    watcher.flush();
    const told = seen.map(({ body }) => body.event === 'dest.drained' && [body.reason, body.connections]);
    assert.deepEqual(told, drains ? [['idle', 0]] : []);
  }
});
