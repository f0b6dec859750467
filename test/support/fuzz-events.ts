/** What can happen to a director, in a small world, so that one thing meets another: packets, messages of another director, commands, time. */
import fc from 'fast-check';
import { fuzzSeeds } from '../../bench/support/fuzz-seeds.js';
import type { CommandRequest } from '../../src/control/command.js';
import { concat, filler } from './bytes.js';
import { ACK, RST, SYN, sctp, tcp, udp } from './packets.js';
import {
  type EntrySpec,
  entryV0,
  entryV1,
  messageV0,
  messageV1,
  option,
  seqNumbers,
} from './sync-messages.js';

/** One of them. */
export type FuzzEvent =
  | { readonly kind: 'command'; readonly request: CommandRequest }
  | { readonly kind: 'packet'; readonly bytes: Uint8Array; readonly hook: number; readonly mark: number }
  | { readonly kind: 'sync'; readonly bytes: Uint8Array }
  | { readonly kind: 'time'; readonly ms: number };

/** Addresses that the packets of `fuzzSeeds` are about. */
const ENDS = [
  { client: '10.1.0.10', vip: '10.1.0.100', servers: ['10.2.0.11', '10.2.0.12'] },
  { client: 'fd00:1::10', vip: 'fd00:1::100', servers: ['fd00:2::11', 'fd00:2::12'] },
] as const;
const PORTS = [80, 86, 88, 21, 5060, 0] as const;
const SCHEDULERS = 'rr wrr lc wlc fo ovf lblc lblcr dh sh sed nq mh twos none'.split(' ');

/** Commands for a director to begin with: services for most of the packets, and a backup. */
export function beginning(): CommandRequest[] {
  const commands: unknown[] = [
    { command: 'daemon.start', args: { daemon: { state: 'backup', interface: 'eth0', syncid: 7 } } },
  ];
  for (const { vip: address, servers } of ENDS)
    for (const protocol of ['tcp', 'udp', 'sctp'])
      for (const [port, more] of Object.entries({
        80: {},
        86: { flags: ['persistent'] },
        88: { scheduler: 'lblcr' },
      })) {
        const service = { protocol, address, port: Number(port) };
        commands.push({ command: 'service.add', args: { service: { ...service, ...more } } });
        const [first, second] = servers;
        commands.push(
          { command: 'dest.add', args: { service, dest: { address: first, port: 8080, forward: 'masq' } } },
          { command: 'dest.add', args: { service, dest: { address: second, port: 80, forward: 'tunnel' } } },
        );
      }
  return commands as CommandRequest[];
}

/** Bytes with a few changes, cut off or followed by more. */
export function damaged(bytes: Uint8Array, reach = bytes.length): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(Math.max(0, reach - 1)), value: fc.nat(255) });
  return fc
    .record({
      changes: fc.array(change, { maxLength: 4 }),
      cut: fc.oneof(
        { weight: 6, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.nat(bytes.length) },
      ),
      more: fc.oneof(
        { weight: 6, arbitrary: fc.constant(new Uint8Array()) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 24 }) },
      ),
    })
    .map(({ changes, cut, more }) => {
      const result = concat(bytes.subarray(0, cut), more);
      for (const { at, value } of changes) if (at < result.length) result[at] = value;
      return result;
    });
}

const ends = fc.constantFrom(...ENDS);
const port = fc.constantFrom(...PORTS);

const serviceKey = fc.oneof(
  { weight: 5, arbitrary: addressKey() },
  {
    weight: 1,
    arbitrary: fc.record({ fwmark: fc.constantFrom(1, 2), family: fc.constantFrom('inet', 'inet6') }),
  },
);

function addressKey(): fc.Arbitrary<object> {
  return fc
    .tuple(fc.constantFrom('tcp', 'udp', 'sctp'), ends, port)
    .map(([protocol, { vip: address }, at]) => ({ protocol, address, port: at }));
}

const serviceSettings = fc.record(
  {
    scheduler: fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(...SCHEDULERS) },
      { weight: 1, arbitrary: fc.constant('nonsense') },
    ),
    flags: fc.subarray(['persistent', 'ops', 'flag-1', 'flag-2', 'flag-3']),
    timeout: fc.constantFrom(0, 1, 60, 0xffff_ffff),
    pe: fc.constantFrom('sip', 'sip', 'pop'),
    timeouts: fc.constantFrom({ established: 5 }, { udp: 3 }, { established: 0xffff_ffff }),
    reusePorts: fc.boolean(),
    clearUdp: fc.boolean(),
    clampMss: fc.boolean(),
  },
  { requiredKeys: ['scheduler'] },
);

const destKey = fc
  .tuple(ends, fc.nat(1), fc.constantFrom(8080, 80, 0))
  .map(([{ servers }, which, at]) => ({ address: servers[which]!, port: at }));

const destSettings = fc.record(
  {
    forward: fc.constantFrom('masq', 'route', 'tunnel', 'local', 'bypass'),
    weight: fc.constantFrom(1, 0, -1, 2, 0x7fff_ffff),
    uThreshold: fc.constantFrom(0, 1, 2, 0x7fff_ffff),
    lThreshold: fc.constantFrom(0, 1, 3, 0xffff_ffff),
    tunType: fc.constantFrom('ipip', 'gue', 'gre'),
    tunPort: fc.constantFrom(0, 6080),
    tunCsum: fc.constantFrom('nocsum', 'csum', 'remcsum'),
  },
  { requiredKeys: [] },
);

const SYSCTLS =
  'conntrack drop_entry drop_packet secure_tcp expire_nodest_conn conn_reuse_mode sync_version schedule_icmp sloppy_tcp sync_ports expire_quiescent_template snat_reroute'.split(
    ' ',
  );

const daemon = fc.record({
  state: fc.constantFrom('master', 'backup'),
  interface: fc.constantFrom('eth0', 'none0'),
  syncid: fc.constantFrom(0, 7),
  group: fc.constantFrom('224.0.0.81', 'ff02::81', '10.0.0.1'),
});

/** A command of any kind that changes something; it may well be refused. */
const command: fc.Arbitrary<FuzzEvent> = fc
  .oneof(
    arbitraryOf(
      'service.add',
      8,
      fc.tuple(serviceKey, serviceSettings).map(([key, more]) => ({ service: { ...key, ...more } })),
    ),
    arbitraryOf(
      'service.edit',
      4,
      fc
        .tuple(serviceKey, serviceSettings, fc.boolean())
        .map(([key, more, replace]) => ({ service: { ...key, ...more }, replace })),
    ),
    arbitraryOf('service.delete', 1, fc.record({ service: serviceKey })),
    arbitraryOf(
      'dest.add',
      12,
      fc
        .tuple(serviceKey, destKey, destSettings)
        .map(([service, key, more]) => ({ service, dest: { ...key, ...more } })),
    ),
    arbitraryOf(
      'dest.edit',
      4,
      fc
        .tuple(serviceKey, destKey, destSettings)
        .map(([service, key, more]) => ({ service, dest: { ...key, ...more } })),
    ),
    arbitraryOf('dest.delete', 3, fc.record({ service: serviceKey, dest: destKey })),
    arbitraryOf(
      'dest.drain',
      2,
      fc.record({
        service: serviceKey,
        dest: destKey,
        deadline: fc.constantFrom(0, 1, 30),
        end: fc.constantFrom('none', 'rst', 'icmp'),
      }),
    ),
    arbitraryOf('dest.undrain', 1, fc.record({ service: serviceKey, dest: destKey })),
    arbitraryOf(
      'sysctl.set',
      3,
      fc.record({
        name: fc.constantFrom(...SYSCTLS),
        value: fc.constantFrom('0', '1', '2', '3', 'x', '-1', '99999999999'),
      }),
    ),
    arbitraryOf(
      'timeout.set',
      1,
      fc.record({ tcp: fc.constantFrom(0, 1, 900, 0x7fff_ffff), udp: fc.constantFrom(0, 5) }),
    ),
    arbitraryOf('daemon.start', 3, fc.record({ daemon })),
    arbitraryOf('daemon.stop', 1, fc.record({ state: fc.constantFrom('master', 'backup') })),
    arbitraryOf('zero', 1, fc.record({ service: serviceKey }, { requiredKeys: [] })),
    arbitraryOf('flush', 1, fc.constant({})),
  )
  .map((request) => ({ kind: 'command', request }));

function arbitraryOf(command: string, weight: number, args: fc.Arbitrary<object>) {
  return { weight, arbitrary: args.map((given) => ({ command, args: given }) as unknown as CommandRequest) };
}

/** What opens connections to the services of {@link beginning}, and goes on with them. */
const opening = ENDS.flatMap(({ client, vip, servers }) =>
  [80, 86, 88, 0].flatMap((to) =>
    [40_000, 40_001].flatMap((from) => [
      tcp(client, from, vip, to, SYN),
      tcp(client, from, vip, to, RST),
      tcp(servers[0], 8080, client, from, SYN | ACK),
      udp(client, from, vip, to, { data: filler(9) }),
      sctp(client, from, vip, to, ['init']),
    ]),
  ),
);

const packet: fc.Arbitrary<FuzzEvent> = fc
  .oneof(fc.constantFrom(...opening), fc.constantFrom(...fuzzSeeds()))
  .chain((seed) => fc.oneof(fc.constant(seed), damaged(seed, 96)))
  .chain((bytes) =>
    fc.record({
      kind: fc.constant('packet' as const),
      bytes: fc.constant(bytes),
      hook: fc.constantFrom(1, 1, 2, 3),
      mark: fc.constantFrom(0, 0, 1, 2),
    }),
  );

const u32 = fc.oneof(fc.constantFrom(0, 1, 0xffff_ffff), fc.nat(0xffff_ffff));

const entry: fc.Arbitrary<EntrySpec> = ends.chain(({ client, vip, servers }) =>
  fc.record({
    protocol: fc.constantFrom(6, 17, 132, 0, 50, 1),
    flags: fc.oneof(fc.nat(0x3fff), u32),
    state: fc.oneof(fc.nat(12), fc.nat(0xffff)),
    client: fc.tuple(fc.constant(client), fc.constantFrom(40_000, 0, 5060)),
    virtual: fc.tuple(fc.constantFrom(vip, vip, client), port),
    dest: fc.tuple(fc.constantFrom(...servers), fc.constantFrom(8080, 80, 0)),
    fwmark: fc.constantFrom(0, 0, 1, 2),
    timeout: u32,
  }),
);

const options = fc.subarray([
  option(1, seqNumbers(1, 2, 3, 4, 5, 6)),
  option(2, Uint8Array.of(97, 98)),
  option(3, Uint8Array.of(115, 105, 112)),
  option(3, Uint8Array.of(120)),
  option(0x44, Uint8Array.of(0)),
  option(7, Uint8Array.of(0)),
]);

const syncMessage: fc.Arbitrary<FuzzEvent> = fc
  .tuple(fc.array(fc.tuple(entry, options), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([entries, old]) =>
    old
      ? messageV0(
          entries
            .filter(([{ client }]) => !client[0].includes(':'))
            .map(([e]) => entryV0(e.flags! & 0x600 ? { ...e, options: [seqNumbers(1, 2, 3, 4, 5, 6)] } : e)),
        )
      : messageV1(entries.map(([e, more]) => entryV1({ ...e, options: more }))),
  )
  .chain((bytes) =>
    fc.oneof({ weight: 3, arbitrary: fc.constant(bytes) }, { weight: 1, arbitrary: damaged(bytes) }),
  )
  .map((bytes) => ({ kind: 'sync', bytes }));

const time: fc.Arbitrary<FuzzEvent> = fc
  .constantFrom(10, 500, 3000, 61_000, 1_000_000)
  .map((ms) => ({ kind: 'time', ms }));

/** Anything that can happen. */
export const fuzzEvent: fc.Arbitrary<FuzzEvent> = fc.oneof(
  { weight: 5, arbitrary: command },
  { weight: 6, arbitrary: packet },
  { weight: 4, arbitrary: syncMessage },
  { weight: 2, arbitrary: time },
);
