/** A master tells the backups the same of connections, byte for byte and in the same order, whoever carries their packets. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Flow } from '../../src/ebpf/flow.js';
import { xdpProgram } from '../../src/ebpf/programs/xdp.js';
import { CONN_F_MASQ, SVC_F_PERSISTENT } from '../../src/engine/flags.js';
import { decodeMessage } from '../../src/engine/sync/message.js';
import { TCP_S_ESTABLISHED, TCP_S_FIN_WAIT } from '../../src/engine/tcp-states.js';
import { parseInet } from '../../src/wire/inet.js';
import { ACK, FIN, RST, SYN, TCP, tcp, UDP, udp } from '../support/packets.js';
import { rootOnly } from '../support/require-root.js';
import { KINDS, type Kind } from './director.js';
import { HARDWARE, Harness } from './harness.js';
import { CARRIED, FastSide, Side } from './sides.js';

const CLIENT = { 4: '10.9.9.9', 6: '2001:db8:9::9' };
const kinds = KINDS.filter(({ name }) =>
  ['nat4', 'nat4 to another port', 'nat6', 'direct4', 'direct6', 'tunnel 4in4'].includes(name),
);
const nat = kinds[0]!;
const direct = kinds.find(({ name }) => name === 'direct4')!;
const LEFT = -1;
const XDP_PASS = 2;
const XDP_REDIRECT = 4;

type Event =
  | {
      readonly what: 'packets';
      readonly kind: Kind;
      readonly protocol: number;
      readonly port: number;
      readonly answer: boolean;
      readonly flags: number;
      readonly count: number;
      readonly odd?: boolean;
    }
  | { readonly what: 'turn' }
  /** Milliseconds go by. */
  | { readonly what: 'wait'; readonly time: number }
  | { readonly what: 'sysctl'; readonly name: string; readonly value: string };

/** What no program carries: IPv4 options. */
const ODD = { options: Uint8Array.of(1, 1, 1, 0) };

function packetOf(
  kind: Kind,
  protocol: number,
  port: number,
  answer: boolean,
  flags: number,
  odd = false,
): Uint8Array {
  const client = CLIENT[kind.vip.includes(':') ? 6 : 4];
  const ends = answer
    ? ([kind.server, kind.serverPort, client, port] as const)
    : ([client, port, kind.vip, kind.port] as const);
  const options = odd ? ODD : {};
  return protocol === TCP ? tcp(...ends, flags, options) : udp(...ends, options);
}

/** A side with a master. */
function start(side: Side): void {
  side.director.net.advance(1000);
  side.ipvs.startDaemon({ state: 'master', interface: 'eth0', syncid: 7 });
  command(side);
}

/** What follows a command. */
function command(side: Side): void {
  if (side instanceof FastSide) side.refresh();
}

function play(side: Side, event: Event): void {
  if (event.what === 'packets') {
    const { kind, protocol, port, flags, count, odd } = event;
    // only answers of NAT servers pass here
    const answer = event.answer && kind.method === CONN_F_MASQ;
    for (let i = 0; i < count; i++) side.packet(packetOf(kind, protocol, port, answer, flags, odd), answer);
  } else {
    side.replay();
    if (event.what === 'wait') side.director.net.advance(nowOf(side) + event.time);
    else if (event.what === 'sysctl') {
      side.ipvs.sysctls.set(event.name, event.value);
      command(side);
    }
  }
}

/** Virtual milliseconds. */
function nowOf({ director: { net } }: Side): number {
  return ((net.jiffies - FIRST) * 1000) / net.hz;
}
const FIRST = new Side([]).director.net.jiffies;

/** All that was told in the end. */
function told(side: Side): readonly Uint8Array[] {
  side.replay();
  for (let i = 1; i <= 4; i++) side.director.net.advance(nowOf(side) + 1000);
  return side.director.messages;
}

const packetsArb = fc.record({
  what: fc.constant('packets' as const),
  kind: fc.constantFrom(...kinds),
  protocol: fc.constantFrom(TCP, TCP, TCP, UDP),
  port: fc.constant(1000),
  answer: fc.boolean(),
  flags: fc.constantFrom(ACK, ACK, ACK, SYN | ACK, FIN | ACK, FIN | ACK, RST, SYN),
  count: fc.constantFrom(1, 1, 2, 3, 7, 60),
  odd: fc.constantFrom(false, false, false, true),
});
const openingArb = fc.constantFrom(...kinds).map((kind): Event[] =>
  [SYN, SYN | ACK, ACK].map((flags) => ({
    ...{ what: 'packets', kind, protocol: TCP, port: 1000, count: 1 },
    ...{ answer: flags === (SYN | ACK), flags: kind.method === CONN_F_MASQ ? flags : flags & ~ACK || ACK },
  })),
);
const sysctlArb = fc.constantFrom(
  ...[
    ['sync_threshold', '3 50'],
    ['sync_threshold', '0 1'],
    ['sync_threshold', '1 3'],
    ['sync_threshold', '5 0'],
    ['sync_threshold', '2 40000'],
    ['sync_version', '0'],
    ['sync_version', '1'],
    ['sync_refresh_period', '0'],
    ['sync_refresh_period', '2'],
    ['sync_retries', '2'],
  ].map(([name, value]): Event => ({ what: 'sysctl', name: name!, value: value! })),
);
const eventsArb = fc
  .array(
    fc.oneof(
      { weight: 16, arbitrary: packetsArb.map((event): Event[] => [event]) },
      { weight: 6, arbitrary: openingArb },
      { weight: 3, arbitrary: fc.constant<Event[]>([{ what: 'turn' }]) },
      { weight: 1, arbitrary: fc.constantFrom(200, 2500).map((time): Event[] => [{ what: 'wait', time }]) },
      { weight: 1, arbitrary: sysctlArb.map((event): Event[] => [event]) },
    ),
    { minLength: 20, maxLength: 60 },
  )
  .map((events) => events.flat());

describe('a master beside a fast path', rootOnly(), () => {
  test('tells what it would tell if it saw each packet', () => {
    let carried = 0;
    let messages = 0;
    fc.assert(
      fc.property(eventsArb, (events) => {
        const alone = new Side(kinds);
        const fast = new FastSide(kinds);
        try {
          for (const side of [alone, fast]) {
            start(side);
            for (const event of events) play(side, event);
          }
          const expected = told(alone);
          assert.deepEqual(told(fast), expected);
          messages += expected.length;
          carried += fast.carried;
        } finally {
          fast.close();
        }
      }),
      { numRuns: 100 },
    );
    assert.ok(carried > 500, `only ${carried} packets were carried`);
    assert.ok(messages > 100, `only ${messages} messages`);
  });
});

describe('of a connection that is carried', rootOnly(), () => {
  /** Plays on a side with a master, and gives the states that it has told, with the packets that were carried. */
  function states(events: readonly Event[], setUp: (side: Side) => void = () => {}): [number[], number] {
    const fast = new FastSide(kinds);
    try {
      start(fast);
      setUp(fast);
      for (const event of events) play(fast, event);
      const entries = told(fast).flatMap((message) => decodeMessage(message, 7)!.entries);
      return [entries.map(({ state }) => state), fast.carried];
    } finally {
      fast.close();
    }
  }
  const packets = (flags: number, count = 1, answer = false): Event => ({
    ...{ what: 'packets', kind: nat, protocol: TCP, port: 1000, answer, flags, count },
  });
  const open = [packets(SYN), packets(SYN | ACK, 1, true), packets(ACK)];
  const sysctl = (name: string, value: string): Event => ({ what: 'sysctl', name, value });

  test('each 50th packet of the client is told of, from the third on, and no other', () => {
    const [told, carried] = states([...open, packets(ACK, 151)]);
    // the packets 3, 53, 103 and 153 of 153
    assert.deepEqual(told, [1, 1, 1, 1]);
    assert.ok(carried >= 150, `${carried}`);
  });

  test('a state that the server has changed is told with the next packet of the client', () => {
    const [told, carried] = states([...open, packets(ACK), packets(FIN | ACK, 1, true), packets(ACK, 3)]);
    assert.deepEqual(told, [TCP_S_ESTABLISHED, TCP_S_FIN_WAIT]);
    assert.ok(carried >= 5, `${carried}`);
  });

  test('a state is told with the next packet, too, when the engine has seen itself how it came about', () => {
    const told = [TCP_S_ESTABLISHED, TCP_S_FIN_WAIT];
    const fin = packets(FIN | ACK, 1, true);
    // of a connection that is offered with that packet, and of one that is carried
    assert.deepEqual(
      states([...open, packets(ACK), sysctl('sync_threshold', '3 40'), fin, packets(ACK, 3)])[0],
      told,
    );
    assert.deepEqual(
      states([...open, packets(ACK), { ...fin, odd: true } as Event, packets(ACK, 3)])[0],
      told,
    );
  });

  test('numbers go on where another threshold begins', () => {
    const [told] = states([...open, packets(ACK, 8), sysctl('sync_threshold', '2 5'), packets(ACK, 12)]);
    // packet 3 of the first 10; then 12, 17 and 22
    assert.equal(told.length, 4);
  });

  test("a period that no flow can hold, and one that is a matter of time, are the slow path's", () => {
    for (const settings of [
      [sysctl('sync_threshold', '3 40000')],
      [sysctl('sync_refresh_period', '10'), sysctl('sync_threshold', '3 0')],
    ]) {
      assert.equal(states([...settings, ...open, packets(ACK, 10)])[1], 0);
    }
  });

  test('a template is told with each packet, by the engine; version 0 tells it with its connection', () => {
    const addr = parseInet(nat.vip)!;
    const id = { family: addr.family, protocol: TCP, addr, port: nat.port, fwmark: 0 } as const;
    const persistent = {
      ...id,
      schedName: 'rr',
      peName: '',
      flags: SVC_F_PERSISTENT,
      timeout: 300,
      netmask: -1,
    };
    const setUp = ({ ipvs }: Side): void => ipvs.editService(persistent);
    assert.equal(states([...open, packets(ACK, 51)], setUp)[1], 0);
    const [told, carried] = states([sysctl('sync_version', '0'), ...open, packets(ACK, 51)], setUp);
    assert.equal(told.length, 4);
    assert.ok(carried > 50, `${carried}`);
  });

  test('a number that nobody hears of is not told, and its packet goes on; a state is', () => {
    const fast = new FastSide(kinds);
    try {
      start(fast);
      for (const event of [sysctl('sync_threshold', '0 1'), packets(SYN), packets(ACK)])
        play(fast, { ...event, kind: direct } as Event);
      const packet = (flags: number): Uint8Array => packetOf(direct, TCP, 1000, false, flags);
      fast.fillReports(packet(ACK));
      assert.equal(fast.run(packet(ACK)), CARRIED);
      assert.equal(fast.run(packet(FIN | ACK)), LEFT);
      fast.replay();
      assert.equal(fast.run(packet(FIN | ACK)), CARRIED);
    } finally {
      fast.close();
    }
  });
});

test('XDP leaves a packet that is told of for its number to tc', rootOnly(), () => {
  const harness = new Harness('xdp', xdpProgram());
  const fill = (flow: Flow): void => {
    Object.assign(flow, { protocol: TCP, sourcePort: 1000, destinationPort: nat.port, port: nat.serverPort });
    Object.assign(flow, { action: 'natRequest', way: 1, numbered: true, tell: 3, period: 5 });
    flow.source.set(parseInet(CLIENT[4])!.words);
    flow.destination.set(parseInet(nat.vip)!.words);
    flow.address.set(parseInet(nat.server)!.words);
  };
  try {
    harness.setWay(1, { nextHop: parseInet(nat.server)!, ifindex: 1, mtu: 1500, hardware: HARDWARE });
    harness.install(fill);
    const run = (): number => harness.run(packetOf(nat, TCP, 1000, false, ACK)).verdict;
    assert.deepEqual(Array.from({ length: 5 }, run), [
      XDP_REDIRECT,
      XDP_REDIRECT,
      XDP_REDIRECT,
      XDP_PASS,
      XDP_PASS,
    ]);
    assert.deepEqual(harness.reported(), []);
  } finally {
    harness.close();
  }
});
