import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { C_FLAGS, type ConnKey, ConnTable, HOT_SHIFT, NO_CONN } from './conn-table.js';
import { CONN_F_DROUTE, CONN_F_MASQ, CONN_F_TEMPLATE } from './flags.js';

interface Model {
  key: ConnKey;
  daddr: Int32Array;
  dport: number;
  flags: number;
}

function words(family: number, n: number): Int32Array {
  return family === 2 ? Int32Array.of(n, 0, 0, 0) : Int32Array.of(0x2001_0db8, n, 0, n + 1);
}

let seed = 12_345;
/** A plain generator, so that runs repeat. */
function random(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed;
}

const modelArb = fc
  .record({
    family: fc.constantFrom(2 as const, 10 as const),
    protocol: fc.constantFrom(6, 17),
    client: fc.integer({ min: 1, max: 40 }),
    cport: fc.integer({ min: 1, max: 30 }),
    virtual: fc.integer({ min: 100, max: 103 }),
    vport: fc.constantFrom(53, 80),
    dest: fc.integer({ min: 200, max: 205 }),
    dport: fc.constantFrom(53, 8080),
    flags: fc.constantFrom(CONN_F_MASQ, CONN_F_DROUTE),
  })
  .map(
    (m): Model => ({
      key: {
        family: m.family,
        protocol: m.protocol,
        caddr: words(m.family, m.client),
        cport: m.cport,
        vaddr: words(m.family, m.virtual),
        vport: m.vport,
      },
      daddr: words(m.family, m.dest),
      dport: m.dport,
      flags: m.flags,
    }),
  );

function insert(t: ConnTable, m: Model): number {
  const c = t.alloc();
  t.setKey(c, m.key);
  t.setDest(c, m.key.family, m.daddr, m.dport);
  t.hot[(c << HOT_SHIFT) + C_FLAGS] = m.flags;
  t.hash(c);
  return c;
}

function reply(t: ConnTable, m: Model): number {
  const masq = m.flags === CONN_F_MASQ;
  const source = masq ? m.daddr : m.key.vaddr;
  const ports = ((masq ? m.dport : m.key.vport) << 16) | m.key.cport;
  if (m.key.family === 2) t.find4(m.key.protocol, source[0]!, m.key.caddr[0]!, ports);
  else t.find6(m.key.protocol, source, m.key.caddr, ports);
  return t.foundOut;
}

const text = (m: Model): string =>
  JSON.stringify([
    m.key.family,
    m.key.protocol,
    [...m.key.caddr],
    m.key.cport,
    [...m.key.vaddr],
    m.key.vport,
  ]);
const replyText = (m: Model): string =>
  JSON.stringify([
    m.key.family,
    m.key.protocol,
    [...m.key.caddr],
    m.key.cport,
    ...(m.flags === CONN_F_MASQ ? [[...m.daddr], m.dport] : [[...m.key.vaddr], m.key.vport]),
  ]);

test('finds what was put in, from both sides, the newest first, and nothing that was taken out', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(modelArb, fc.boolean()), { maxLength: 400 }), (steps) => {
      const t = new ConnTable(1024, random);
      const live: { c: number; m: Model }[] = [];
      for (const [m, remove] of steps) {
        live.unshift({ c: insert(t, m), m });
        if (remove && live.length > 1) {
          const [gone] = live.splice(live.length >> 1, 1);
          t.unhash(gone!.c);
          t.release(gone!.c);
        }
      }
      assert.equal(t.count, live.length);
      for (const { m } of live) {
        assert.equal(t.findIn(m.key), live.find((x) => text(x.m) === text(m))!.c);
        assert.equal(reply(t, m), live.find((x) => replyText(x.m) === replyText(m))!.c);
      }
      for (const [m] of steps) {
        const expected = live.find((x) => text(x.m) === text(m))?.c ?? NO_CONN;
        assert.equal(t.findIn(m.key), expected);
      }
    }),
    { numRuns: 60 },
  );
});

test('grows to its limit, refuses the next, and gives places out again', () => {
  const t = new ConnTable(100, random);
  const key = (n: number): Model => ({
    key: { family: 2, protocol: 6, caddr: words(2, n), cport: n, vaddr: words(2, 5), vport: 80 },
    daddr: words(2, 9),
    dport: 80,
    flags: CONN_F_MASQ,
  });
  const ids = Array.from({ length: 100 }, (_, n) => insert(t, key(n + 1)));
  assert.equal(t.alloc(), NO_CONN);
  t.unhash(ids[40]!);
  t.release(ids[40]!);
  assert.equal(t.findIn(key(41).key), NO_CONN);
  assert.equal(insert(t, key(500)), ids[40]);
  for (let n = 0; n < 100; n++) if (n !== 40) assert.equal(t.findIn(key(n + 1).key), ids[n]);
});

test('a template is found as a template only', () => {
  const t = new ConnTable(16, random);
  const m: Model = {
    key: { family: 2, protocol: 6, caddr: words(2, 1), cport: 0, vaddr: words(2, 2), vport: 80 },
    daddr: words(2, 3),
    dport: 80,
    flags: CONN_F_MASQ | CONN_F_TEMPLATE,
  };
  const c = insert(t, m);
  assert.equal(t.findIn(m.key), NO_CONN);
  assert.equal(
    t.findTemplate(m.key, () => true),
    c,
  );
  assert.equal(
    t.findTemplate(m.key, () => false),
    NO_CONN,
  );
});
