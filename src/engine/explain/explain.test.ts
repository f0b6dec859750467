/** What is explained of a packet is what then becomes of it, and explaining leaves no trace. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ExplainBench, SERVERS, VIP } from '../../../test/support/explain-bench.js';
import { icmpError, TCP, tcp, UDP, udp } from '../../../test/support/packets.js';
import { parseInet } from '../../wire/inet.js';
import { CONN_F_DROUTE, CONN_F_MASQ, CONN_F_TUNNEL, SVC_F_ONEPACKET, SVC_F_PERSISTENT } from '../flags.js';
import { builtinSchedulers } from '../schedulers/registry.js';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from '../verdict.js';

const METHODS = [CONN_F_MASQ, CONN_F_DROUTE, CONN_F_TUNNEL];

const step = fc.record({
  kind: fc.constantFrom(
    'client',
    'client',
    'client',
    'client',
    'server',
    'server',
    'icmp',
    'weight',
    'remove',
    'wait',
  ),
  client: fc.integer({ min: 0, max: 5 }),
  server: fc.integer({ min: 0, max: 3 }),
  port: fc.constantFrom(80, 80, 80, 81, 53, 21, 20, 5000),
  flags: fc.constantFrom(2, 2, 2, 0x12, 0x10, 0x11, 4),
  mark: fc.constantFrom(0, 0, 0, 7),
  ttl: fc.constantFrom(1, 64, 64, 64),
  weight: fc.constantFrom(0, 1, 2, 5),
  uThreshold: fc.constantFrom(0, 0, 3),
  seconds: fc.constantFrom(1, 130, 400),
});

const setting = fc.record({
  persistent: fc.boolean(),
  sysctls: fc.dictionary(
    fc.constantFrom(
      'expire_nodest_conn',
      'expire_quiescent_template',
      'schedule_icmp',
      'sloppy_tcp',
      'nat_icmp_send',
      'cache_bypass',
    ),
    fc.constantFrom('0', '1'),
  ),
  dropPacket: fc.constantFrom('0', '0', '0', '3'),
  limit: fc.constantFrom(64, 64, 6),
  marked: fc.boolean(),
});

describe('explaining a packet', () => {
  for (const { name } of builtinSchedulers()) {
    test(`${name}: what is explained is what comes, and nothing was changed before`, () => {
      let sent = 0;
      fc.assert(
        fc.property(fc.array(step, { minLength: 15, maxLength: 50 }), setting, (steps, s) => {
          const bench = new ExplainBench(s.limit);
          const { ipvs } = bench.net;
          for (const [key, value] of Object.entries(s.sysctls)) ipvs.sysctls.set(key, value);
          ipvs.sysctls.set('am_droprate', '3');
          ipvs.sysctls.set('drop_packet', s.dropPacket);
          ipvs.setTimeouts({ tcp: 77, tcpFin: 7, udp: 17 });
          const flags = s.persistent ? SVC_F_PERSISTENT : 0;
          const web = bench.service(TCP, 80, name, { flags });
          const dns = bench.service(UDP, 53, name, { flags: SVC_F_ONEPACKET });
          const ftp = bench.service(TCP, 21, name, { flags: SVC_F_PERSISTENT });
          const all = [web, dns, ftp];
          if (s.marked) all.push(bench.service(0, 0, name, { flags, fwmark: 7 }));
          for (const id of all) {
            for (let n = 0; n < 3; n++) bench.server(id, n, METHODS[n]!, n + 1);
          }
          let now = 0;
          for (const { kind, client, server, port, flags, mark, ttl, weight, uThreshold, seconds } of steps) {
            const from = `10.9.0.${10 + client}`;
            const cport = port === 20 ? 20 : 40_000 + client;
            const vport = port === 20 ? 5000 : port;
            if (kind === 'client') {
              const bytes =
                port === 53
                  ? udp(from, cport, VIP, 53, { ttl, data: new Uint8Array(9) })
                  : tcp(from, cport, VIP, vport, flags, { ttl });
              sent += bench.held(bytes, NF_INET_LOCAL_IN, mark).sent.length;
            } else if (kind === 'server') {
              bench.held(tcp(SERVERS[server]!, vport, from, cport, flags | 16, { ttl }), NF_INET_FORWARD);
            } else if (kind === 'icmp') {
              const about = tcp(VIP, vport, from, cport, 16, { data: new Uint8Array(40) });
              bench.held(icmpError('10.9.0.1', VIP, 3, 1, about), NF_INET_LOCAL_IN);
            } else if (kind === 'weight') {
              for (const id of all) bench.server(id, server, METHODS[server % 3]!, weight, uThreshold);
            } else if (kind === 'remove') {
              const addr = parseInet(SERVERS[server]!)!;
              if (ipvs.findService(web)!.destinations.some((d) => d.addr.words[0] === addr.words[0]))
                ipvs.delDest(web, { addr, port: 80 });
            } else {
              now += seconds * 1000;
              bench.net.advance(now);
            }
          }
        }),
        { numRuns: 25 },
      );
      assert.ok(sent > (name === 'twos' ? 5 : 30), `${sent} packets were sent`);
    });
  }
});
