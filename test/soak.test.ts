/** A million connections come and go in virtual time, and nothing of them stays. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Census, Soak } from '../bench/support/soak.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../src/engine/flags.js';

/** Growth of the heap that is not the connections': code, and what the compiler has learnt. */
const HEAP = 1 << 20;

const SOAKS = [
  {
    name: '1,000,000 TCP connections over IPv4',
    protocol: IPPROTO_TCP,
    v6: false,
    count: 1_000_000,
    timeout: 900,
  },
  {
    name: '200,000 UDP connections over IPv6',
    protocol: IPPROTO_UDP,
    v6: true,
    count: 200_000,
    timeout: 300,
  },
] as const;

/** What is left when nothing is. */
const nothing = ({ opened, heap, arrays }: Census): Census => ({
  connections: 0,
  timers: 0,
  slots: 0,
  refcnt: 0,
  active: 0,
  total: 0,
  opened,
  heap,
  arrays,
});

describe('soak', () => {
  for (const { name, protocol, v6, count, timeout } of SOAKS) {
    it(`${name}: table, counters, timers and memory return to zero, time after time`, () => {
      const soak = new Soak(protocol, v6, count, count);
      const { ipvs } = soak.load.net;
      let before: Census | undefined;
      for (let round = 1; round <= 2; round++) {
        soak.open();
        const open = soak.census();
        const tcp = protocol === IPPROTO_TCP;
        assert.deepEqual(
          [open.connections, open.timers, open.refcnt, open.total, open.opened],
          [count, count, count, count, round * count],
        );
        assert.equal(open.active, tcp ? count : 0);
        assert.ok(open.slots > count);

        soak.use();
        soak.expireUnused(timeout);
        const used = soak.census();
        // TCP's first quarter was closed, and was the first to end
        const left = tcp ? count / 4 : count / 2;
        assert.deepEqual([used.connections, used.timers, used.refcnt, used.total], [left, left, left, left]);

        soak.expire();
        const after = soak.census();
        assert.deepEqual(after, nothing(after));
        assert.equal(after.opened, round * count);
        assert.deepEqual(ipvs.listConns(0, 10).entries, []);
        if (before !== undefined) {
          assert.ok(after.arrays <= before.arrays);
          assert.ok(
            after.heap < before.heap + HEAP,
            `the heap grew from ${before.heap} to ${after.heap} bytes`,
          );
        }
        before = after;
      }
      assert.equal(ipvs.connRefused, 0);
      assert.equal(ipvs.conns.highWater, count);
    });
  }
});
