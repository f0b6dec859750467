import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CONN_F_DROUTE, CONN_F_MASQ, CONN_F_TUNNEL } from '../../engine/flags.js';
import type { Rule } from '../../linux/rt-rule.js';
import { AF_INET, AF_INET6, type InetAddr, inetBytes, inetToString, parseInet } from '../../wire/inet.js';
import { diffRules, ruleKey } from './rule-diff.js';
import { steeringRules } from './steering.js';
import { MOST_RULES, type SteeringLayout, virtualTable, wholeTable } from './steering-layout.js';
import { type SteeredDest, type SteeredService, serviceKey, Traffic } from './traffic.js';

const TUN = 7000;
const layout: SteeringLayout = {
  device: 'ipvsd0',
  table: TUN,
  priority: 10,
  families: [AF_INET, AF_INET6],
  markTable: (mark) => 8000 + mark,
};
const LOCAL_TABLE = 255;
const address = (text: string): InetAddr => parseInet(text)!;

function service(
  text: string,
  port: number,
  dests: { address: string; port: number; method: number }[] = [],
  protocol = 6,
  fwmark = 0,
): SteeredService {
  const addr = address(text);
  const destinations: SteeredDest[] = dests.map((d) => ({
    addr: address(d.address),
    port: d.port,
    protocol,
    connFlags: d.method,
    vaddr: addr,
    vport: port,
    vfwmark: fwmark,
  }));
  return { family: addr.family, protocol, addr, port, fwmark, destinations };
}

interface Flow {
  from: string;
  to: string;
  protocol: number;
  sport?: number;
  dport?: number;
  iif?: string;
  mark?: number;
}

function covers(rule: Rule, f: Flow): boolean {
  const fits = (p: Rule['from'], text: string): boolean => {
    if (p === undefined) return true;
    const [a, b] = [inetBytes(p.address), inetBytes(address(text))];
    for (let bit = 0; bit < p.length; bit++) {
      if (((a[bit >> 3]! ^ b[bit >> 3]!) >> (7 - (bit & 7))) & 1) return false;
    }
    return true;
  };
  const inRange = (range: readonly [number, number] | undefined, port = 0): boolean =>
    range === undefined || (port >= range[0] && port <= range[1]);
  return (
    rule.family === address(f.from).family &&
    fits(rule.from, f.from) &&
    fits(rule.to, f.to) &&
    (rule.iif ?? f.iif ?? 'eth0') === (f.iif ?? 'eth0') &&
    (rule.fwmark ?? f.mark ?? 0) === (f.mark ?? 0) &&
    (rule.ipProto ?? f.protocol) === f.protocol &&
    inRange(rule.sport, f.sport) &&
    inRange(rule.dport, f.dport)
  );
}

/** The rules and routes for services and for dests in the trash. */
interface Plan {
  readonly rules: Rule[];
  /** Destinations that tables have routes to. */
  readonly routes: ReadonlyMap<number, ReadonlySet<string>>;
}

function planOf(traffic: Traffic): Plan {
  const texts = (addresses: Iterable<InetAddr>): Set<string> => new Set(Array.from(addresses, inetToString));
  return {
    rules: steeringRules(traffic, layout),
    routes: new Map([
      [virtualTable(TUN), texts(traffic.addresses)],
      [wholeTable(TUN), texts(traffic.wholeAddresses)],
    ]),
  };
}

function trafficOf(services: readonly SteeredService[], trash: readonly SteeredDest[] = []): Traffic {
  const traffic = new Traffic();
  for (const s of services) traffic.setService(s, s);
  traffic.setTrash(trash);
  return traffic;
}

function steer(services: readonly SteeredService[], trash: readonly SteeredDest[] = []): Plan {
  return planOf(trafficOf(services, trash));
}

/**
 * What the kernel does: the first table that has a route. Addresses of `locals` are this host's.
 * @returns TUN for any way into the TUN device that is not for a mark.
 */
function lookup({ rules, routes }: Plan, flow: Flow, locals: readonly string[] = []): number | 'ordinary' {
  const sorted = [...rules].sort((a, b) => a.priority - b.priority);
  for (let i = 0; i < sorted.length; i++) {
    const { action } = sorted[i]!;
    if (typeof action === 'string' || !covers(sorted[i]!, flow)) continue;
    if ('goto' in action)
      i = sorted.findIndex((r) => r.family === sorted[i]!.family && r.priority === action.goto) - 1;
    else if (action.table === LOCAL_TABLE) {
      if (locals.includes(flow.to)) return LOCAL_TABLE;
    } else {
      const destinations = routes.get(action.table);
      if (destinations === undefined) return action.table;
      if (destinations.has(flow.to)) return TUN;
    }
  }
  return 'ordinary';
}

const VIP = '10.0.0.100';
const RIP = '10.0.1.2';
const CLIENT = '192.0.2.7';
const nat = (port = 80) => [{ address: RIP, port, method: CONN_F_MASQ }];

describe('what is steered through the TUN device', () => {
  const rules = steer([service(VIP, 80, nat(8080))]);
  const to = (dport: number, protocol = 6): Flow => ({ from: CLIENT, to: VIP, protocol, sport: 5555, dport });
  const from = (sport: number, protocol = 6): Flow => ({
    from: RIP,
    to: CLIENT,
    protocol,
    sport,
    dport: 5555,
  });

  it("is the traffic of a service, also when its address is the host's own, and nothing else of that address", () => {
    assert.equal(lookup(rules, to(80), [VIP]), TUN);
    assert.equal(lookup(rules, to(80)), TUN);
    assert.equal(lookup(rules, to(22), [VIP]), LOCAL_TABLE);
    assert.equal(lookup(rules, to(80, 17), [VIP]), LOCAL_TABLE);
    assert.equal(lookup(rules, { ...to(80), to: '10.0.0.101' }), 'ordinary');
  });

  it('is the answers of NAT real servers, and nothing else of theirs', () => {
    assert.equal(lookup(rules, from(8080)), TUN);
    assert.equal(lookup(rules, from(22)), 'ordinary');
    assert.equal(lookup(rules, { ...from(8080), to: VIP }, [VIP]), TUN);
    const direct = steer([service(VIP, 80, [{ address: RIP, port: 80, method: CONN_F_DROUTE }])]);
    assert.equal(lookup(direct, from(80)), 'ordinary');
  });

  it("is a real server's own connection to the virtual service too", () => {
    assert.equal(lookup(rules, { from: RIP, to: VIP, protocol: 6, sport: 40_000, dport: 80 }, [VIP]), TUN);
  });

  it('is fragments, whose ports nobody sees, in both directions', () => {
    assert.equal(lookup(rules, { from: CLIENT, to: VIP, protocol: 6 }, [VIP]), TUN);
    assert.equal(lookup(rules, { from: RIP, to: CLIENT, protocol: 6 }), TUN);
  });

  it('never is what comes from the TUN device', () => {
    for (const flow of [to(80), from(8080), { ...to(0), protocol: 1 }, { ...from(0), protocol: 1 }]) {
      assert.equal(
        lookup(rules, { ...flow, iif: 'ipvsd0' }, [VIP]),
        flow.to === VIP ? LOCAL_TABLE : 'ordinary',
      );
    }
  });

  it('is what this host sends to the service, but not its own ICMP', () => {
    assert.equal(lookup(rules, { ...to(80), iif: 'lo' }, [VIP]), TUN);
    assert.equal(lookup(rules, { from: '10.0.0.1', to: VIP, protocol: 1, iif: 'lo' }, [VIP]), LOCAL_TABLE);
    assert.equal(lookup(rules, { from: '10.0.0.1', to: CLIENT, protocol: 1, iif: 'lo' }, [VIP]), 'ordinary');
  });

  it('is ICMP to a virtual address, and with NAT the ICMP that passes by', () => {
    assert.equal(lookup(rules, { from: CLIENT, to: VIP, protocol: 1 }, [VIP]), TUN);
    assert.equal(lookup(rules, { from: RIP, to: CLIENT, protocol: 1 }, [VIP]), TUN);
    assert.equal(lookup(rules, { from: RIP, to: '10.0.0.1', protocol: 1 }, ['10.0.0.1']), LOCAL_TABLE);
    const direct = steer([service(VIP, 80, [{ address: RIP, port: 80, method: CONN_F_DROUTE }])]);
    assert.equal(lookup(direct, { from: RIP, to: CLIENT, protocol: 1 }), 'ordinary');
  });

  it('is all ICMP to the host where there are tunnels: errors about them come to the address they are sent from', () => {
    const tunnel = steer([service(VIP, 80, [{ address: RIP, port: 80, method: CONN_F_TUNNEL }])]);
    assert.equal(lookup(tunnel, { from: RIP, to: '10.0.0.1', protocol: 1 }, ['10.0.0.1']), TUN);
  });

  it('spares neighbour discovery, which asks from link-local addresses', () => {
    const six = steer([service('2001:db8::80', 80)]);
    assert.equal(
      lookup(six, { from: 'fe80::1', to: '2001:db8::80', protocol: 58 }, ['2001:db8::80']),
      LOCAL_TABLE,
    );
    assert.equal(
      lookup(six, { from: '2001:db8::1', to: '2001:db8::80', protocol: 58 }, ['2001:db8::80']),
      TUN,
    );
  });

  it('is every port for a service on port 0, and every port of its real servers', () => {
    const all = steer([service(VIP, 0, nat(0))]);
    assert.equal(lookup(all, to(1), [VIP]), TUN);
    assert.equal(lookup(all, to(65_535), [VIP]), TUN);
    assert.equal(lookup(all, from(4711)), TUN);
  });

  it("takes the service's port for a real server that has none", () => {
    const rules0 = steer([service(VIP, 80, nat(0))]);
    assert.equal(lookup(rules0, from(80)), TUN);
    assert.equal(lookup(rules0, from(81)), 'ordinary');
  });

  it('leads a firewall mark to a device of its own', () => {
    const marked = steer([service('0.0.0.0', 0, nat(0), 0, 5)]);
    assert.equal(lookup(marked, { ...to(443), mark: 5 }, [VIP]), 8005);
    assert.equal(lookup(marked, to(443), [VIP]), LOCAL_TABLE);
    for (const protocol of [6, 17, 132]) assert.equal(lookup(marked, from(443, protocol)), TUN);
  });

  it('is every port of FTP, whose data connections have any', () => {
    const ftp = steer([service(VIP, 21, nat(21))]);
    assert.equal(lookup(ftp, to(21), [VIP]), TUN);
    assert.equal(lookup(ftp, to(40_000), [VIP]), TUN);
    assert.equal(lookup(ftp, to(21, 17), [VIP]), LOCAL_TABLE);
    for (const port of [20, 21, 40_000]) assert.equal(lookup(ftp, from(port)), TUN);
  });

  it('goes on for real servers in the trash, whose connections may still live', () => {
    const [gone] = service(VIP, 80, nat()).destinations;
    const left = steer([], [gone!]);
    assert.equal(lookup(left, to(80), [VIP]), TUN);
    assert.equal(lookup(left, from(80)), TUN);
  });
});

describe('many services', () => {
  const rulesIn = (plan: Plan, from: number, to: number): number =>
    plan.rules.filter(({ priority }) => priority >= 10 + from && priority <= 10 + to).length;
  const vips = Array.from({ length: 3000 }, (_, i) => `10.8.${i >> 8}.${i & 255}`);
  const to = (vip: string, dport: number, protocol = 6): Flow => ({
    from: CLIENT,
    to: vip,
    protocol,
    sport: 5555,
    dport,
  });

  it('on one port need no more rules than one', () => {
    const plan = steer(vips.map((vip) => service(vip, 80)));
    assert.equal(plan.rules.length, steer([service(VIP, 80)]).rules.length);
    assert.equal(lookup(plan, to(vips[2999]!, 80)), TUN);
    assert.equal(lookup(plan, to(vips[2999]!, 81)), 'ordinary');
    assert.equal(lookup(plan, to('10.8.100.1', 80)), 'ordinary');
  });

  it('on more ports than there may be rules have every port steered', () => {
    const ports = Array.from({ length: MOST_RULES + 1 }, (_, i) => 1000 + i);
    const exact = steer(ports.slice(1).map((port) => service(VIP, port)));
    const coarse = steer(ports.map((port) => service(VIP, port)));
    assert.equal(lookup(exact, to(VIP, 1001), [VIP]), TUN);
    assert.equal(lookup(exact, to(VIP, 22), [VIP]), LOCAL_TABLE);
    assert.equal(rulesIn(coarse, 7, 9), 1);
    assert.equal(lookup(coarse, to(VIP, 22), [VIP]), TUN);
    assert.equal(lookup(coarse, to(VIP, 22, 17), [VIP]), LOCAL_TABLE);
    assert.equal(lookup(coarse, to('10.0.0.101', 1001)), 'ordinary');
  });

  it('with more real servers than there may be rules have their networks steered, by port', () => {
    const servers = Array.from({ length: 1000 }, (_, i) => `10.9.${i >> 8}.${i & 255}`);
    const plan = steer([
      service(
        VIP,
        80,
        servers.map((server) => ({ address: server, port: 8080, method: CONN_F_MASQ })),
      ),
    ]);
    assert.ok(rulesIn(plan, 3, 5) <= 2 * MOST_RULES + 1);
    for (const server of servers) {
      assert.equal(lookup(plan, { from: server, to: CLIENT, protocol: 6, sport: 8080, dport: 5 }), TUN);
      assert.equal(lookup(plan, { from: server, to: CLIENT, protocol: 6 }), TUN);
      assert.equal(lookup(plan, { from: server, to: CLIENT, protocol: 6, sport: 22, dport: 5 }), 'ordinary');
    }
    assert.equal(
      lookup(plan, { from: '10.10.0.1', to: CLIENT, protocol: 6, sport: 8080, dport: 5 }),
      'ordinary',
    );
  });

  it('with more ports of real servers than there may be rules have all their ports steered', () => {
    const dests = Array.from({ length: MOST_RULES + 1 }, (_, i) => ({
      address: RIP,
      port: 2000 + i,
      method: CONN_F_MASQ,
    }));
    const plan = steer([service(VIP, 80, dests)]);
    assert.equal(rulesIn(plan, 3, 5), 1);
    assert.equal(lookup(plan, { from: RIP, to: CLIENT, protocol: 6, sport: 22, dport: 5 }), TUN);
    assert.equal(lookup(plan, { from: RIP, to: CLIENT, protocol: 17, sport: 22, dport: 5 }), 'ordinary');
  });
});

const arbitraryService = fc
  .record({
    host: fc.integer({ min: 1, max: 5 }),
    port: fc.constantFrom(0, 53, 80, 443),
    protocol: fc.constantFrom(6, 17),
    fwmark: fc.constantFrom(0, 0, 0, 7),
    six: fc.boolean(),
    dests: fc.array(
      fc.record({
        host: fc.integer({ min: 1, max: 5 }),
        port: fc.constantFrom(0, 80, 8080),
        method: fc.constantFrom(CONN_F_MASQ, CONN_F_DROUTE, CONN_F_TUNNEL),
      }),
      { maxLength: 4 },
    ),
  })
  .map((s) => {
    const prefix = s.six ? '2001:db8::' : '10.0.0.';
    const dests = s.dests.map((d) => ({ ...d, address: `${prefix}${d.host + 10}` }));
    return service(`${prefix}${s.host}`, s.port, dests, s.protocol, s.fwmark);
  });
const arbitraryServices = fc.uniqueArray(arbitraryService, { maxLength: 6, selector: serviceKey });

describe('the rules, for any services', () => {
  it('are never twice the same, and every jump has a target further on', () => {
    fc.assert(
      fc.property(arbitraryServices, (services) => {
        const { rules } = steer(services);
        assert.equal(new Set(rules.map(ruleKey)).size, rules.length);
        for (const { family, priority, action } of rules) {
          if (typeof action === 'string' || !('goto' in action)) continue;
          assert.ok(action.goto > priority);
          assert.ok(rules.some((r) => r.family === family && r.priority === action.goto));
        }
      }),
    );
  });

  it('steer every service and every answer of NAT, and never an unmarked packet that is neither', () => {
    const anyAddress = fc
      .tuple(fc.boolean(), fc.integer({ min: 1, max: 20 }))
      .map(([six, n]) => (six ? `2001:db8::${n}` : `10.0.0.${n}`));
    fc.assert(
      fc.property(
        arbitraryServices,
        anyAddress,
        anyAddress,
        fc.constantFrom(53, 80, 443, 8080, 9999),
        fc.constantFrom(53, 80, 443, 8080, 9999),
        fc.constantFrom(6, 17),
        (services, from, to, sport, dport, protocol) => {
          fc.pre(address(from).family === address(to).family);
          const rules = steer(services);
          const virtual = services.filter((s) => s.fwmark === 0 && s.family === address(to).family);
          const its = virtual.filter((s) => inetToString(s.addr) === to);
          // an address and a port are enough, be they of two services
          const toService =
            (its.length > 0 && virtual.some((s) => s.protocol === protocol && s.port === dport)) ||
            (its.some((s) => s.port === 0) && virtual.some((s) => s.protocol === protocol && s.port === 0));
          const fromServer = services.some((s) =>
            s.destinations.some((d) => {
              if (d.connFlags !== CONN_F_MASQ || inetToString(d.addr) !== from) return false;
              if (s.fwmark === 0 && (s.protocol !== protocol || s.port === 0)) return s.protocol === protocol;
              return [0, sport].includes(d.port || s.port);
            }),
          );
          assert.equal(lookup(rules, { from, to, protocol, sport, dport }) === TUN, toService || fromServer);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('services that change one by one', () => {
  it('are steered as if they had been so from the beginning', () => {
    const trash = arbitraryServices.map((services) => services.flatMap((s) => s.destinations));
    const steps = fc.array(fc.tuple(arbitraryService, fc.boolean(), fc.option(trash)), { maxLength: 12 });
    const sorted = ({ rules, routes }: Plan) => [
      rules.map(ruleKey).sort(),
      [...routes].map(([table, texts]) => [table, [...texts].sort()]),
    ];
    fc.assert(
      fc.property(steps, fc.option(fc.nat(11)), (changes, flushAt) => {
        const traffic = new Traffic();
        const services = new Map<string, SteeredService>();
        let removed: readonly SteeredDest[] = [];
        for (const [i, [s, exists, trashed]] of changes.entries()) {
          if (flushAt === i) {
            traffic.clearServices();
            services.clear();
          }
          traffic.setService(s, exists ? s : undefined);
          if (exists) services.set(serviceKey(s), s);
          else services.delete(serviceKey(s));
          if (trashed !== null) {
            removed = trashed;
            traffic.setTrash(trashed);
          }
        }
        assert.deepEqual(sorted(planOf(traffic)), sorted(steer([...services.values()], removed)));
      }),
    );
  });

  it('change no version when nothing else is to be steered', () => {
    const traffic = trafficOf([service(VIP, 80, nat()), service('10.0.0.101', 80, nat())]);
    const versions = () => [traffic.rulesVersion, traffic.routesVersion];
    const before = versions();
    const more = service(VIP, 80, [...nat(), { address: RIP, port: 9, method: CONN_F_DROUTE }]);
    traffic.setService(more, more);
    assert.deepEqual(versions(), before);
    const other = service(VIP, 81);
    traffic.setService(other, other);
    assert.notEqual(traffic.rulesVersion, before[0]);
    assert.equal(traffic.routesVersion, before[1]);
  });
});

describe('the difference of two sets of rules', () => {
  it('leads from the one to the other, with no rule touched that both have', () => {
    fc.assert(
      fc.property(arbitraryServices, arbitraryServices, (a, b) => {
        const [from, to] = [steer(a).rules, steer(b).rules];
        const { add, remove } = diffRules(from, to);
        const state = new Set(from.map(ruleKey));
        for (const rule of add) {
          assert.ok(!state.has(ruleKey(rule)));
          state.add(ruleKey(rule));
        }
        for (const rule of remove) assert.ok(state.delete(ruleKey(rule)));
        assert.deepEqual([...state].sort(), to.map(ruleKey).sort());
      }),
    );
  });

  it('adds the target of a jump before the jump', () => {
    const { add } = diffRules([], steer([service(VIP, 80)]).rules);
    const places = add.map((rule) => rule.priority);
    assert.deepEqual(
      places,
      [...places].sort((x, y) => y - x),
    );
  });
});
