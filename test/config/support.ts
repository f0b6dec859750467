/** Configurations at random, and directors to apply them to. */
import fc from 'fast-check';
import { NullHost } from '../../bench/support/null-host.js';
import type {
  CommandName,
  CommandRequest,
  DestSpec,
  Director,
  DirectorConfig,
  ServedConfig,
} from '../../src/control/command.js';
import { configuredService } from '../../src/control/config-fields.js';
import { EngineDirector } from '../../src/control/engine-director.js';
import { keyOf } from '../../src/control/fields.js';
import { destId, serviceId } from '../../src/control/resource-id.js';
import { NO_MACHINE, VipDirector } from '../../src/control/vip-director.js';
import { uncheckedDirector } from '../../src/daemon/checked-datapath.js';
import type { DirectorOf } from '../../src/daemon/config/apply.js';
import { Configurator, type Start } from '../../src/daemon/config/configurator.js';
import { withoutChecks, withoutDests } from '../../src/daemon/config/plan.js';
import { ConfigReader } from '../../src/daemon/config/reader.js';
import type { Datapath } from '../../src/daemon/datapath.js';
import { Namespaces } from '../../src/daemon/namespaces.js';
import { defaultsOf } from '../../src/daemon/state/restore-rules.js';
import { Net } from '../../src/engine/net.js';

/** A host with two interfaces, so that synchronisation daemons start. */
class TwoInterfaces extends NullHost {
  override interfaceMtu(name: string): number | undefined {
    return name === 'eth0' || name === 'eth1' ? 1500 : undefined;
  }
}

const quiet = (): void => {};

/** Directors of network namespaces that are added and removed, each with an engine of its own. @param made is told of each. */
export async function newNamespaces(made: (net: Net) => void = () => {}): Promise<DirectorOf> {
  const open = async (): Promise<Datapath> => {
    const net = new Net({ host: new TwoInterfaces([]), random: () => 1, connLimit: 1 << 8 });
    made(net);
    const director = uncheckedDirector(new VipDirector(new EngineDirector(net), NO_MACHINE));
    return {
      defaults: defaultsOf(net.ipvs),
      execute: (name, args) => director.execute(name, args),
      stop: async () => {},
      failed: new Promise(() => {}),
    };
  };
  const namespaces = await Namespaces.open([], open, {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: quiet,
  });
  return (netns) => namespaces.director(netns);
}

/** A configurator in front of directors: the director of the default namespace. */
export async function open(directorOf?: DirectorOf, start: Partial<Start> = {}): Promise<Required<Director>> {
  const base: Start = { reader: new ConfigReader(), settings: {}, flags: {} };
  return (await Configurator.open(directorOf ?? (await newNamespaces()), { ...base, ...start })).director();
}

/** Directors whose commands can be made to fail. */
export class Breakable {
  readonly #directorOf: DirectorOf;
  /** Told of each command that changes something; whatever it throws is the command's error. */
  before: (name: CommandName) => void = () => {};

  constructor(directorOf: DirectorOf) {
    this.#directorOf = directorOf;
  }

  director(netns?: string): Director {
    return {
      execute: async (name, args) => {
        if (!/(get|list)$/.test(name)) this.before(name);
        return this.#directorOf(netns).execute(name, args);
      },
    };
  }
}

/** Everything that runs, without the order of real servers, which depends on history. */
export async function stateOf(director: Director): Promise<ServedConfig> {
  const { namespaces = {}, ...config } = await director.execute('config.get', {});
  const sorted = Object.entries(namespaces).sort(([a], [b]) => a.localeCompare(b));
  return {
    ...withoutOrder(config),
    namespaces: Object.fromEntries(sorted.map(([name, part]) => [name, withoutOrder(part)])),
  };
}

function withoutOrder(config: DirectorConfig): DirectorConfig {
  return {
    ...config,
    services: config.services!.map((service) => ({
      ...service,
      dests: [...service.dests].sort((a, b) => destId(a).localeCompare(destId(b))),
    })),
  };
}

const V4 = ['10.2.0.1', '10.2.0.2', '10.2.0.3', '10.2.0.4'];
const V6 = ['fd00:2::1', 'fd00:2::2', 'fd00:2::3'];
const weight = fc.constantFrom(0, 1, 2, 100);
const naming = {
  name: fc.constantFrom('a', 'shop-1', 'x_y.z'),
  labels: fc.dictionary(fc.constantFrom('team', 'zone', '_x'), fc.constantFrom('', 'a b', '"'), {
    maxKeys: 2,
  }),
};

function dest(six: boolean, mixed: boolean): fc.Arbitrary<object> {
  const same = fc.record(
    {
      address: fc.constantFrom(...(six ? V6 : V4)),
      port: fc.constantFrom(80, 8080),
      forward: fc.constantFrom('masq', 'route', 'tunnel'),
      weight,
      uThreshold: fc.constantFrom(0, 10),
      ...naming,
    },
    { requiredKeys: ['address', 'port'] },
  );
  const other = fc.record({
    address: fc.constantFrom(...(six ? V4 : V6)),
    port: fc.constant(80),
    forward: fc.constant('tunnel'),
    tunType: fc.constantFrom('ipip', 'gre'),
    weight,
  });
  return mixed ? fc.oneof({ weight: 4, arbitrary: same }, { weight: 1, arbitrary: other }) : same;
}

const check = fc.constantFrom(
  { type: 'tcp' },
  { type: 'http', path: '/health', interval: 500, status: ['200'] },
  { type: 'exec', command: ['/bin/true'] },
  { type: 'ping', start: 'down' },
);
const checks = fc.array(check, { maxLength: 2 });

function health(six: boolean): fc.Arbitrary<object> {
  const sorryServer = fc.constant({ address: six ? 'fd00:2::99' : '10.2.0.99', port: 80, forward: 'masq' });
  const onFailure = fc.constantFrom('quiesce', 'remove');
  return fc.record(
    { checks, quorum: fc.constantFrom(1, 50), onFailure, slowStart: fc.constant(1000), sorryServer },
    { requiredKeys: [] },
  );
}

function service(mixed: boolean): fc.Arbitrary<object> {
  const address = fc.tuple(
    fc.constantFrom('tcp', 'udp'),
    fc.constantFrom('10.1.0.100', 'fd00:1::100'),
    fc.constantFrom(80, 443),
  );
  const key = fc.oneof(
    address.map(([protocol, vip, port]) => ({ protocol, address: vip, port })),
    fc.record({ fwmark: fc.constantFrom(1, 2), family: fc.constantFrom('inet', 'inet6') }),
  );
  const settings = fc.record(
    {
      scheduler: fc.constantFrom('rr', 'wrr', 'wlc', 'sh', 'mh', 'none'),
      flags: fc.subarray(['persistent', 'ops', 'flag-1', 'flag-2']),
      timeout: fc.constantFrom(0, 60, 360),
      ...naming,
      reusePorts: fc.boolean(),
      clearUdp: fc.boolean(),
      clampMss: fc.boolean(),
      drain: fc.record({
        deadline: fc.constantFrom(0, 30, '5m'),
        end: fc.constantFrom('none', 'rst', 'icmp'),
      }),
    },
    { requiredKeys: [] },
  );
  return key.chain((identity) => {
    const six = 'fwmark' in identity ? identity.family === 'inet6' : identity.address.includes(':');
    const own = fc.option(checks, { freq: 4, nil: undefined });
    const checked = fc.tuple(dest(six, mixed), own).map(([entry, all]) => ({
      ...entry,
      ...(all !== undefined && { checks: all }),
    }));
    const dests = fc.uniqueArray(checked, {
      maxLength: 4,
      selector: (entry) => destId(entry as unknown as DestSpec),
    });
    const policy = fc.option(health(six), { freq: 2, nil: undefined });
    return fc.record({ settings, dests, policy }).map((more) => ({
      ...identity,
      ...more.settings,
      ...(more.policy !== undefined && { health: more.policy }),
      dests: more.dests,
    }));
  });
}

function director(mixed: boolean): fc.Arbitrary<object> {
  const state = { syncid: fc.constantFrom(0, 7), interface: fc.constantFrom('eth0', 'eth1') };
  const options = { maxlen: fc.constantFrom(500, 1000, 9000), port: fc.constantFrom(8848, 9000) };
  const daemon = fc.record(
    { state: fc.constantFrom('master', 'backup'), ...state, ...options },
    { requiredKeys: ['state', 'syncid', 'interface'] },
  );
  const vip = fc.record({
    address: fc.constantFrom('10.1.0.100', '10.1.0.101', 'fd00:1::100'),
    interface: fc.constantFrom('eth0', 'lo'),
    prefixLength: fc.constantFrom(24, 32),
  });
  return fc.record(
    {
      sysctl: fc.record(
        {
          drop_entry: fc.constantFrom(0, 1, '2'),
          sync_threshold: fc.constantFrom('3 50', '3\t60'),
          am_droprate: fc.constantFrom(10, 20),
        },
        { requiredKeys: [] },
      ),
      timeouts: fc.record(
        { tcp: fc.constantFrom(900, 7200), udp: fc.constantFrom(300, 30) },
        { requiredKeys: [] },
      ),
      vips: fc.uniqueArray(vip, { maxLength: 3, selector: (entry) => `${entry.address} ${entry.interface}` }),
      ...(!mixed && { sync: fc.uniqueArray(daemon, { maxLength: 2, selector: (entry) => entry.state }) }),
      services: fc.uniqueArray(service(mixed), {
        maxLength: 5,
        selector: (entry) => serviceId(entry as never),
      }),
    },
    { requiredKeys: [] },
  );
}

/** What can be applied: with synchronisation daemons, or with real servers that those do not bear. */
const anyDirector: fc.Arbitrary<object> = fc.boolean().chain(director);

/** A configuration of one namespace, or of up to three. */
export const anyConfig: fc.Arbitrary<object> = fc.oneof(
  { weight: 2, arbitrary: anyDirector },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyDirector, fc.dictionary(fc.constantFrom('blue', 'green.1'), anyDirector, { maxKeys: 2 }))
      .map(([config, namespaces]) => ({ ...config, namespaces })),
  },
);

const anyService = fc.boolean().chain(service);

/** A command that changes services, such as ipvsadm gives: it may well be refused. */
export const anyCommand: fc.Arbitrary<CommandRequest> = fc
  .tuple(
    anyService,
    fc.constantFrom(
      'service.add',
      'service.edit',
      'service.delete',
      'dest.add',
      'dest.edit',
      'dest.delete',
      'flush',
    ),
  )
  .map(([entry, command]) => {
    const read = configuredService.read(entry, '');
    const spec = withoutDests(read);
    const [first = { address: '10.2.0.1', port: 80 } as DestSpec] = read.dests.map(withoutChecks);
    const { address, port } = first;
    const args = {
      'service.add': { service: spec },
      'service.edit': { service: spec },
      'service.delete': { service: keyOf(spec) },
      'dest.add': { service: keyOf(spec), dest: first },
      'dest.edit': { service: keyOf(spec), dest: first },
      'dest.delete': { service: keyOf(spec), dest: { address, port } },
      flush: {},
    }[command];
    return { command, args } as CommandRequest;
  });
