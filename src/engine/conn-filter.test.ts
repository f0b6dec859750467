/** Filters choose, and counts count, what the whole list shows. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ExplainBench, SERVERS, VIP } from '../../test/support/explain-bench.js';
import { ACK, SYN, TCP, tcp, UDP, udp } from '../../test/support/packets.js';
import { toConnFilter } from '../control/conn-filter.js';
import { Packet } from '../wire/packet.js';
import { countConns } from './conn-count.js';
import type { ConnRow } from './conn-list.js';
import { CONN_F_MASQ, SVC_F_PERSISTENT } from './flags.js';
import { NF_INET_LOCAL_IN } from './verdict.js';

const bench = new ExplainBench(2000);
const web = bench.service(TCP, 80, 'rr', { flags: SVC_F_PERSISTENT });
const dns = bench.service(UDP, 53, 'rr');
for (let n = 0; n < 3; n++) {
  bench.server(web, n, CONN_F_MASQ, 1);
  bench.server(dns, n, CONN_F_MASQ, 1);
}
const p = new Packet(2048);
for (let i = 0; i < 400; i++) {
  const client = `10.${i % 3}.${i % 7}.${i % 250}`;
  p.load(i % 2 === 0 ? tcp(client, 1000 + (i % 5), VIP, 80, SYN) : udp(client, 1000 + (i % 5), VIP, 53));
  p.ifindex = 2;
  bench.net.receive(p, NF_INET_LOCAL_IN);
  if (i % 4 !== 0) continue;
  p.load(tcp(client, 1000 + (i % 5), VIP, 80, ACK));
  p.ifindex = 2;
  bench.net.receive(p, NF_INET_LOCAL_IN);
}
const all = bench.net.ipvs.listConns(0, 5000).entries;

/** All pages of a filtered list. */
function pages(filter: Parameters<typeof toConnFilter>[0], limit: number): ConnRow[] {
  const rows: ConnRow[] = [];
  for (let cursor: number | undefined = 0; cursor !== undefined; ) {
    const page = bench.net.ipvs.listConns(cursor, limit, toConnFilter(filter));
    rows.push(...page.entries);
    cursor = page.next;
  }
  return rows;
}

describe('filters of connections', () => {
  test('choose by address, prefix, port, protocol and state, and all of them at once', () => {
    const chosen = fc.record(
      {
        protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
        state: fc.constantFrom('SYN_RECV', 'udp', 'none', 'CLOSE'),
        client: fc.constantFrom(
          '10.1.0.0/16',
          '10.1.1.1',
          '10.0.0.0/8:1002',
          '10.2.2.2:1002',
          '0.0.0.0/0',
          'fd00::/64',
        ),
        dest: fc.constantFrom(`${SERVERS[1]}`, `${SERVERS[2]}:80`, '10.2.0.8/30'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(chosen, fc.integer({ min: 1, max: 50 }), (filter, limit) => {
        const want = all.filter(
          (row) =>
            (filter.protocol === undefined || row.protocol.toLowerCase() === filter.protocol) &&
            (filter.state === undefined || row.state === filter.state.toUpperCase()) &&
            (filter.client === undefined || CLIENTS[filter.client]!(row)) &&
            (filter.dest === undefined || DESTS[filter.dest]!(row)),
        );
        assert.deepEqual(pages(filter, limit), want);
      }),
      { numRuns: 300 },
    );
  });

  test('counts add up to the list', () => {
    const counted = new Map<string, number>();
    for (let cursor: number | undefined = 0; cursor !== undefined; ) {
      const part = countConns(bench.net.ipvs, cursor, 37);
      for (const { protocol, state, count } of part.counts) {
        counted.set(`${protocol} ${state}`, (counted.get(`${protocol} ${state}`) ?? 0) + count);
      }
      cursor = part.next;
    }
    const listed = new Map<string, number>();
    for (const { protocol, state } of all)
      listed.set(`${protocol} ${state}`, (listed.get(`${protocol} ${state}`) ?? 0) + 1);
    assert.deepEqual(new Map([...counted].sort()), new Map([...listed].sort()));
    assert.ok(listed.size >= 3, 'templates, TCP and UDP');
  });
});

const CLIENTS: Record<string, (row: ConnRow) => boolean> = {
  '10.1.0.0/16': (row) => row.clientAddress.startsWith('10.1.'),
  '10.1.1.1': (row) => row.clientAddress === '10.1.1.1',
  '10.0.0.0/8:1002': (row) => row.clientPort === 1002,
  '10.2.2.2:1002': (row) => row.clientAddress === '10.2.2.2' && row.clientPort === 1002,
  '0.0.0.0/0': () => true,
  'fd00::/64': () => false,
};
const DESTS: Record<string, (row: ConnRow) => boolean> = {
  [SERVERS[1]!]: (row) => row.destAddress === SERVERS[1],
  [`${SERVERS[2]}:80`]: (row) => row.destAddress === SERVERS[2] && row.destPort === 80,
  '10.2.0.8/30': (row) => row.destAddress === '10.2.0.11',
};
