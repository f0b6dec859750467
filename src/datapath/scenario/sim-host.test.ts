import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { Net } from '../../engine/net.js';
import { parseInet } from '../../wire/inet.js';
import { describePacket } from './describe.js';
import { ipCommand } from './ip-command.js';
import { type Frame, SimHost } from './sim-host.js';
import { standardTopology } from './topology.js';

let frames: Frame[];
let host: SimHost;

beforeEach(() => {
  frames = [];
  host = new SimHost(standardTopology(), (frame) => frames.push(frame));
  host.attach(new Net({ host, random: () => 4 }));
});

const seen = (): string[] => frames.map((frame) => `${frame.link.name} ${describePacket(frame.bytes)}`);
const route = (to: string) => host.route(parseInet(to)!)!;

describe('the host as the engine sees it', () => {
  it('has routes with MTU, source and next hop', () => {
    assert.deepEqual(route('8.8.8.8'), {
      local: false,
      ifindex: 3,
      mtu: 1500,
      mtuLearnt: false,
      source: parseInet('10.2.0.1'),
      nextHop: parseInet('10.2.0.254'),
    });
    assert.equal(route('10.1.0.100').local, true);
    assert.equal(route('10.2.0.11'), route('10.2.0.11'));
  });

  it('counts changes of its configuration and of path MTUs', () => {
    const before = host.routeGeneration;
    host.updatePmtu(parseInet('10.2.0.11')!, 1300);
    assert.notEqual(host.routeGeneration, before);
    assert.equal(route('10.2.0.11').mtu, 1300);
    assert.equal(route('10.2.0.12').mtu, 1500);
  });

  it('forgets a path MTU when the next look-up finds that it is too old', () => {
    host.updatePmtu(parseInet('10.2.0.11')!, 1300);
    const way = route('10.2.0.11');
    const learnt = host.routeGeneration;
    host.advance(600_000);
    assert.equal(host.routeGeneration, learnt);
    assert.equal(way.mtu, 1500);
    assert.equal(route('10.2.0.11').mtu, 1500);
    assert.notEqual(host.routeGeneration, learnt);
    // whoever kept the old way has one that leads nowhere
    assert.equal(way.mtu, 68);
  });

  it('knows path MTUs by their routes', () => {
    host.updatePmtu(parseInet('10.2.0.13')!, 1300);
    const way = route('10.2.0.13');
    host.updatePmtu(parseInet('10.2.0.13')!, 1200);
    assert.equal(way.mtu, 1200);
    ipCommand(host.config, 'route add 10.2.0.13 dev s0'.split(' '));
    assert.equal(route('10.2.0.13').mtu, 1500);
    ipCommand(host.config, 'route del 10.2.0.13 dev s0'.split(' '));
    assert.equal(route('10.2.0.13').mtu, 1200);
  });

  it('believes no tiny path MTU', () => {
    host.updatePmtu(parseInet('10.2.0.11')!, 68);
    host.updatePmtu(parseInet('fd00:2::11')!, 68);
    assert.equal(route('10.2.0.11').mtu, 552);
    // RFC 8201, section 4: such a message is discarded
    assert.equal(route('fd00:2::11').mtu, 1500);
  });

  it('knows kinds of addresses', () => {
    const type = (text: string): string => host.addrType(parseInet(text)!);
    assert.deepEqual(
      [
        '10.1.0.100',
        '10.1.0.255',
        '224.0.0.1',
        '0.0.0.0',
        '8.8.8.8',
        'fe80::1',
        'ff02::1',
        '::',
        'fd00:1::100',
      ].map(type),
      [
        'local',
        'broadcast',
        'multicast',
        'unspecified',
        'unicast',
        'linklocal',
        'multicast',
        'unspecified',
        'local',
      ],
    );
  });
});

describe('a next hop that does not answer', () => {
  it('is given up after three solicitations, whose timers fire at the ends of slots', () => {
    const packet = '4500001f12344000401114410a01000a0a02004d00010051000b16be6f6e65';
    host.receive(new Uint8Array(Buffer.from(packet, 'hex')), host.config.link('c0'));
    host.advance(3119);
    assert.deepEqual(seen(), []);
    host.advance(3120);
    assert.deepEqual(seen(), [
      'c0 10.1.0.1 > 10.1.0.10 icmp ttl=64 3/1 00000000 ' +
        '{10.1.0.10.1 > 10.2.0.77.81 udp ttl=63 len=11 csum=16be}',
    ]);
  });
});

describe('the host', () => {
  it('takes any bytes', () => {
    const link = host.config.link('c0');
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 120 }),
        fc.constantFrom('45', '46', '4f', '60'),
        fc.constantFrom(1, 6, 17, 58, 0, 43, 44, 60, 132),
        (bytes, first, protocol) => {
          bytes[0] = Number.parseInt(first, 16);
          const v6 = first === '60';
          const target = v6
            ? Buffer.from('fd000001000000000000000000000100', 'hex')
            : Buffer.from('0a010064', 'hex');
          const at = v6 ? 24 : 16;
          if (bytes.length > at + target.length) {
            bytes.set(target, at);
            bytes[v6 ? 6 : 9] = protocol;
            if (v6) bytes.set([0, bytes.length - 40], 4);
            else bytes.set([0, bytes.length], 2);
          }
          host.receive(bytes, link);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
