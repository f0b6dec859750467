/** What `debug_level` shows. The texts are those of Linux 6.1 at level 12, without its reference counts. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { NullHost } from '../../bench/support/null-host.js';
import { destUser, serviceUser } from '../../bench/support/rules.js';
import { packetOf } from '../../test/support/packet-of.js';
import { ACK, ESP, frag4, ip4, ip6, SYN, tcp, udp } from '../../test/support/packets.js';
import { addressesText, portsText } from './debug.js';
import { fillIphdr } from './fill-iphdr.js';
import { CONN_F_MASQ, IPPROTO_TCP, IPPROTO_UDP } from './flags.js';
import { IpHdr } from './iphdr.js';
import { Net } from './net.js';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from './verdict.js';

/** A host that keeps what it is shown. */
class Showing extends NullHost {
  readonly shown: string[] = [];
  debug(text: string): void {
    this.shown.push(text);
  }
}

let host: Showing;
let net: Net;

beforeEach(() => {
  host = new Showing(['10.1.0.100', 'fd00:1::100']);
  net = new Net({ host, random: () => 1, connLimit: 64 });
  for (const [protocol, vip, port, rip] of [
    [IPPROTO_TCP, '10.1.0.100', 80, '10.2.0.11'],
    [IPPROTO_UDP, 'fd00:1::100', 53, 'fd00:2::11'],
  ] as const) {
    const service = serviceUser(protocol, vip, port);
    net.ipvs.addService(service);
    net.ipvs.addDest(service, destUser(rip, port, CONN_F_MASQ));
  }
});

/** What is shown of a packet. */
function shown(bytes: Uint8Array, hook = NF_INET_LOCAL_IN): string[] {
  const p = packetOf(bytes);
  p.ifindex = 2;
  net.receive(p, hook);
  return host.shown.splice(0);
}

const request = (flags: number): string[] => shown(tcp('10.1.0.10', 4000, '10.1.0.100', 80, flags));
const answer = (flags: number): string[] =>
  shown(tcp('10.2.0.11', 80, '10.1.0.10', 4000, flags), NF_INET_FORWARD);

const CONN = 'c:10.1.0.10:4000 v:10.1.0.100:80 d:10.2.0.11:80';

describe('debug_level', () => {
  test('0: nothing is shown', () => {
    assert.deepEqual([request(SYN), answer(SYN | ACK), request(ACK)], [[], [], []]);
  });

  test('12: a connection from its first packet to its end', () => {
    net.ipvs.sysctls.set('debug_level', '12');
    assert.deepEqual(request(SYN), [
      'Incoming packet: TCP 10.1.0.10:4000->10.1.0.100:80',
      `Bind-dest TCP ${CONN} fwd:M s:0 conn->flags:100`,
      `Schedule TCP ${CONN} fwd:M s:0 conn->flags:140`,
      `TCP input  [S...] ${CONN} state: NONE->SYN_RECV`,
      'After DNAT: TCP 10.1.0.10:4000->10.2.0.11:80',
    ]);
    assert.deepEqual(answer(SYN | ACK), [
      'Outgoing packet: TCP 10.2.0.11:80->10.1.0.10:4000',
      'After SNAT: TCP 10.1.0.100:80->10.1.0.10:4000',
    ]);
    assert.deepEqual(request(ACK), [
      'Incoming packet: TCP 10.1.0.10:4000->10.1.0.100:80',
      `TCP input  [..A.] ${CONN} state: SYN_RECV->ESTABLISHED`,
      'After DNAT: TCP 10.1.0.10:4000->10.2.0.11:80',
    ]);
    net.advance(1_000_000);
    assert.deepEqual(host.shown, [`Unbind-dest TCP ${CONN} fwd:M s:1 conn->flags:0`]);
  });

  test('IPv6 addresses stand in brackets', () => {
    net.ipvs.sysctls.set('debug_level', '11');
    const text = shown(udp('fd00:1::10', 4001, 'fd00:1::100', 53, { data: new Uint8Array(8) }));
    assert.equal(text[0], 'Incoming packet: UDP [fd00:1::10]:4001->[fd00:1::100]:53');
    assert.match(text[1]!, / c:\[fd00:1::10\]:4001 v:\[fd00:1::100\]:53 d:\[fd00:2::11\]:53 /);
  });

  test('each level shows what those below it do, and more', () => {
    const counts = Array.from({ length: 13 }, (_, level) => {
      net.ipvs.sysctls.set('debug_level', String(level));
      const before = shown(tcp('10.1.0.10', 5000 + level, '10.1.0.100', 80, SYN)).length;
      net.ipvs.editDest(
        serviceUser(IPPROTO_TCP, '10.1.0.100', 80),
        destUser('10.2.0.11', 80, CONN_F_MASQ, { weight: 0 }),
      );
      const none = shown(tcp('10.1.0.10', 6000 + level, '10.1.0.100', 80, SYN));
      net.ipvs.editDest(serviceUser(IPPROTO_TCP, '10.1.0.100', 80), destUser('10.2.0.11', 80, CONN_F_MASQ));
      assert.equal(none.includes('Schedule: no dest found.'), level >= 1);
      return before;
    });
    assert.deepEqual(counts, [0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 4, 5, 5]);
  });

  test('back at 0, packets take the short way again', () => {
    for (const [level, short] of [
      ['7', true],
      ['8', false],
      ['0', true],
    ] as const) {
      net.ipvs.sysctls.set('debug_level', level);
      assert.equal(net.ipvs.shortWay, short);
    }
  });
});

describe('a packet as a text', () => {
  const text = (show: typeof portsText, bytes: Uint8Array, length = bytes.length): string => {
    const p = packetOf(bytes.subarray(0, length));
    const iph = new IpHdr();
    assert.ok(fillIphdr(p, iph));
    return show(p, iph);
  };

  test('a fragment has no ports', () => {
    const [, second] = frag4(udp('10.1.0.10', 1, '10.1.0.100', 2, { data: new Uint8Array(64) }), 32);
    assert.equal(text(portsText, second!), '10.1.0.10->10.1.0.100 frag');
  });

  test('what is cut short says so', () => {
    const bytes = ip4('10.1.0.10', '10.1.0.100', 6, new Uint8Array(3));
    assert.equal(text(portsText, bytes), 'TRUNCATED 10.1.0.10->10.1.0.100');
  });

  test('AH and ESP have addresses only', () => {
    const payload = new Uint8Array(16);
    assert.equal(text(addressesText, ip4('10.1.0.10', '10.1.0.100', ESP, payload)), '10.1.0.10->10.1.0.100');
    assert.equal(text(addressesText, ip6('fd00::1', 'fd00::2', ESP, payload)), 'fd00::1->fd00::2');
  });
});
