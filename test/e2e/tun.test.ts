/** Real packets between network namespaces: a client, a director with the TUN data path, two real servers. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { DestSpec, ForwardName, ProtocolName, ServiceKey } from '../../src/control/command.js';
import { startTunDatapath, type TunDatapath, type TunDatapathStart } from '../../src/daemon/tun-datapath.js';
import { rootOnly } from '../support/require-root.js';
import { Namespaces, run, skipReason } from './namespaces.js';
import { script } from './script.js';

const skip = skipReason('curl', 'socat', 'sysctl');

const VIP = { inet: '10.0.0.100', inet6: '2001:db8::100' };
const SERVER = {
  inet: ['10.0.1.11', '10.0.1.12'],
  inet6: ['2001:db8:1::11', '2001:db8:1::12'],
};
type Family = keyof typeof VIP;
const FAMILIES: readonly Family[] = ['inet', 'inet6'];
const inUrl = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** Of the data path that is tested just now. */
let net: Namespaces;
const quiet = (): void => {};

/** client - director - switch - two real servers, which have the virtual addresses on `lo`, as direct routing wants it. */
async function build(): Promise<void> {
  for (const name of ['c', 'd', 'w', 's1', 's2']) net.add(name);
  net.connect('c', 'eth0', 'd', 'eth0');
  net.ip('w', 'link add br0 type bridge');
  net.ip('w', 'link set br0 up');
  for (const [name, device] of [
    ['d', 'eth1'],
    ['s1', 'eth0'],
    ['s2', 'eth0'],
  ] as const) {
    net.connect(name, device, 'w', `to-${name}`);
    net.ip('w', `link set to-${name} master br0`);
  }
  net.address('c', 'eth0', '10.0.0.2/24', '2001:db8::2/64');
  net.address('d', 'eth0', '10.0.0.1/24', '2001:db8::1/64', `${VIP.inet}/32`, `${VIP.inet6}/128`);
  net.address('d', 'eth1', '10.0.1.1/24', '2001:db8:1::1/64');
  for (const [i, name] of ['s1', 's2'].entries()) {
    const own = [SERVER.inet[i]!, SERVER.inet6[i]!];
    net.sysctl(name, 'net/ipv4/conf/all/arp_ignore', 1);
    net.sysctl(name, 'net/ipv4/conf/all/arp_announce', 2);
    net.address(name, 'eth0', `${own[0]}/24`, `${own[1]}/64`);
    net.address(name, 'lo', `${VIP.inet}/32`, `${VIP.inet6}/128`);
    net.ip(name, 'route add default via 10.0.1.1');
    net.ip(name, '-6 route add default via 2001:db8:1::1');
    await net.start(name, process.execPath, script('server'), name, ...own, VIP.inet, VIP.inet6);
    await net.spawn(process.execPath, script('decap-child'), net.name(name));
  }
  net.ip('c', 'route add default via 10.0.0.1');
  net.ip('c', '-6 route add default via 2001:db8::1');
}

/** Everything of the director that the data path may touch. */
function snapshot(): string {
  const sysctls = net
    .exec('d', 'sysctl -a --pattern ^net\\.ipv[46]\\.(conf|ip_forward|tcp_early|udp_early)')
    .split('\n')
    .sort()
    .join('\n');
  const ip = ['rule', '-6 rule', 'route show table all', '-6 route show table all', '-br link', 'addr show'];
  return [...ip.map((args) => net.ip('d', args).replace(/ (valid_lft|expires) \S+.*$/gm, '')), sysctls].join(
    '\n',
  );
}

/** What `curl` gets, in the namespace of the client unless said. */
function http(address: string, port: number, path = '/', from = 'c', more = ''): string {
  return net.exec(from, `curl -sS -m 3 ${more} http://${inUrl(address)}:${port}${path}`);
}

/** What a UDP echo answers to `size` bytes; empty when it does not. A machine that has much else to do is asked again, and given more time. */
function udp(address: string, port: number, size = 3, how = '', from = 'c'): string {
  const target = `${address.includes(':') ? 'UDP6' : 'UDP4'}:${inUrl(address)}:${port}${how}`;
  const ask = (seconds: number): string =>
    execFileSync('ip', ['netns', 'exec', net.name(from), 'socat', '-b65000', `-t${seconds}`, '-', target], {
      encoding: 'utf8',
      input: 'x'.repeat(size),
    });
  return ask(0.7) || ask(5);
}

for (const [fastPath, title] of [
  ['none', 'the TUN data path'],
  ['tc', 'the TUN data path behind BPF programs'],
] as const) {
  describe(title, { skip }, () => suite(fastPath));
}

function suite(fastPath: 'none' | 'tc'): void {
  const state = mkdtempSync(join(tmpdir(), 'ipvsd-'));
  const complaints: string[] = [];
  const complain = (message: string, fields?: object): void => {
    complaints.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log = { debug: quiet, info: quiet, warn: complain, error: complain };
  let options: TunDatapathStart;
  let datapath: TunDatapath;
  let untouched: string;

  const key = (protocol: ProtocolName, address: string, port: number): ServiceKey => ({
    protocol,
    address,
    port,
  });
  const add = async (
    service: ServiceKey,
    forward: ForwardName,
    servers: readonly string[],
    port: number,
    more: Partial<DestSpec> = {},
  ): Promise<void> => {
    const six = 'family' in service ? service.family === 'inet6' : service.address.includes(':');
    await datapath.execute('service.add', {
      service: {
        ...service,
        scheduler: 'rr',
        flags: [],
        timeout: 0,
        netmask: six ? '128' : '255.255.255.255',
      },
    });
    for (const address of servers) {
      await datapath.execute('dest.add', {
        service,
        dest: { address, port, forward, weight: 1, uThreshold: 0, lThreshold: 0, ...more },
      });
    }
  };
  const served = (ask: () => string): string[] =>
    [...new Set([ask(), ask(), ask(), ask()].map((text) => text.slice(0, 2)))].sort();

  before(async () => {
    net = new Namespaces(fastPath === 'none' ? 'tun' : 'bpf');
    options = { netns: net.name('d'), stateDirectory: state, fastPath, log };
    await build();
    // link-local addresses appear by themselves: not while we compare
    while (net.ip('d', 'addr show tentative').length > 0)
      await new Promise((resolve) => setTimeout(resolve, 100));
    untouched = snapshot();
    datapath = await startTunDatapath(options);
  });
  afterEach(() => datapath.execute('flush', {}).catch(() => {}));
  after(async () => {
    await datapath?.stop();
    net.close();
    rmSync(state, { recursive: true });
  });

  for (const family of FAMILIES) {
    const vip = VIP[family];
    for (const [forward, port] of [
      ['masq', 80],
      ['route', 8080],
    ] as const) {
      it(`balances HTTP and UDP by ${forward} over ${family}`, async () => {
        await add(key('tcp', vip, port), forward, SERVER[family], 8080);
        await add(key('udp', vip, 53), forward, SERVER[family], 53);
        assert.deepEqual(
          served(() => http(vip, port)),
          ['s1', 's2'],
        );
        assert.equal(http(vip, port, '/large').length, 4 << 20);
        assert.deepEqual(
          served(() => udp(vip, 53)),
          ['s1', 's2'],
        );
      });
    }

    it(`balances through tunnels over ${family}, whatever family the real server has`, async () => {
      await add(key('tcp', vip, 8080), 'tunnel', [SERVER.inet[0]!, SERVER.inet6[1]!], 8080);
      assert.deepEqual(
        served(() => http(vip, 8080)),
        ['s1', 's2'],
      );
      // more than fits once it is encapsulated: the sender is told, or it is cut
      assert.equal(http(vip, 8080, '/', 'c', `--data-binary ${'x'.repeat(60_000)}`).split(' ')[1], '60000');
      await datapath.execute('flush', {});
      for (const tunnel of [
        { tunType: 'gre' },
        { tunType: 'gue', tunPort: 6080, tunCsum: 'csum' },
        { tunType: 'gue', tunPort: 6080, tunCsum: 'remcsum' },
      ] as const) {
        await add(key('tcp', vip, 8080), 'tunnel', SERVER[family], 8080, tunnel);
        assert.deepEqual(
          served(() => http(vip, 8080)),
          ['s1', 's2'],
          JSON.stringify(tunnel),
        );
        await datapath.execute('flush', {});
      }
    });

    it(`carries fragmented datagrams over ${family}`, async () => {
      for (const forward of ['masq', 'route', 'tunnel'] as const) {
        await add(key('udp', vip, 53), forward, [SERVER[family][0]!], 53);
        // IPv6 is never cut on the way: the sender is told of the tunnel's MTU, unless it knows it by now, and cuts anew
        if (family === 'inet6' && forward === 'tunnel') {
          try {
            udp(vip, 53, 5000);
          } catch (error) {
            assert.match(String(error), /Message too long/);
          }
          assert.match(net.ip('c', `-6 route get ${vip}`), /mtu 14\d\d/);
        }
        assert.equal(udp(vip, 53, 5000).length, 5003, forward);
        await datapath.execute('flush', {});
      }
    });

    it(`counts one hop over ${family}`, async () => {
      const hops = family === 'inet' ? 'ttl' : 'ipv6-unicast-hops';
      for (const forward of ['masq', 'route'] as const) {
        await add(key('udp', vip, 53), forward, [SERVER[family][0]!], 53);
        assert.equal(udp(vip, 53, 3, `,${hops}=2`), 's1 xxx', forward);
        // socat fails when it hears of it, and prints nothing when it does not
        assert.throws(() => udp(vip, 53, 3, `,${hops}=1`) || assert.fail('no answer'));
        await datapath.execute('flush', {});
      }
    });

    it(`translates a real server's ICMP error over ${family}`, async () => {
      await add(key('udp', vip, 54), 'masq', [SERVER[family][0]!], 9);
      assert.throws(() => udp(vip, 54), /Connection refused/);
    });

    it(`answers a client on the director itself over ${family}`, async () => {
      await add(key('tcp', vip, 80), 'masq', SERVER[family], 8080);
      assert.deepEqual(
        served(() =>
          http(vip, 80, '/', 'd', `--interface ${family === 'inet' ? '10.0.0.1' : '2001:db8::1'}`),
        ),
        ['s1', 's2'],
      );
    });

    it(`leaves the director's own connections to real servers alone over ${family}`, async () => {
      await add(key('tcp', vip, 80), 'masq', SERVER[family], 8080);
      assert.equal(http(SERVER[family][0]!, 8080, '/', 'd'), 's1 0');
      assert.equal(http(SERVER[family][0]!, 8080, '/', 'c'), 's1 0');
    });
  }

  it('balances by firewall mark', async () => {
    await add({ fwmark: 5, family: 'inet' }, 'masq', SERVER.inet, 0);
    // SO_MARK of a client on the director stands for a rule of its firewall
    const marked = (): string => udp(VIP.inet, 53, 3, ',setsockopt-int=1:36:5', 'd');
    assert.deepEqual(served(marked), ['s1', 's2']);
  });

  it(
    'lets the firewall change what it tracks, while connection tracking is on',
    rootOnly('nft'),
    async () => {
      const rules = `table ip tracked {
      chain postrouting { type nat hook postrouting priority 100; oifname "eth1" masquerade; }
    }`;
      run(`ip netns exec ${net.name('d')} nft -f -`, {}, rules);
      await datapath.execute('sysctl.set', { name: 'conntrack', value: '1' });
      await add(key('tcp', VIP.inet, 80), 'masq', SERVER.inet, 8080);
      // answers come to an address of the director, and must be translated before they are steered
      assert.deepEqual(
        served(() => http(VIP.inet, 80)),
        ['s1', 's2'],
      );
      await datapath.execute('sysctl.set', { name: 'conntrack', value: '0' });
      net.exec('d', 'nft delete table ip tracked');
    },
  );

  it('lets other traffic of a virtual address through to the director', async () => {
    await add(key('tcp', VIP.inet, 80), 'masq', SERVER.inet, 8080);
    assert.throws(() => http(VIP.inet, 81), /Connection refused|Failed to connect/);
  });

  it('tells the client when nobody has the address of a real server by direct routing', async () => {
    await add(key('udp', VIP.inet, 53), 'route', ['10.0.1.99'], 53);
    const client = `ip netns exec ${net.name('c')} socat -t5 - UDP4:${VIP.inet}:53,ip-recverr=1`.split(' ');
    assert.throws(
      () => execFileSync(client[0]!, client.slice(1), { encoding: 'utf8', input: 'x', stdio: 'pipe' }),
      /No route to host/,
    );
  });

  it('is alone in its namespace', async () => {
    await assert.rejects(startTunDatapath(options), { code: 'ALREADY_SERVED' });
  });

  it('says so when there is no such namespace', async () => {
    await assert.rejects(startTunDatapath({ ...options, netns: 'no-such' }), {
      code: 'NO_NETNS',
      field: 'netns',
    });
  });

  it('counts packets', async () => {
    const { packets, forwarded, malformed, refused } = await datapath.counters();
    // the programs carry what is established
    const least = fastPath === 'none' ? 500 : 100;
    assert.ok(packets > least && forwarded > least / 4, `${packets} ${forwarded}`);
    assert.deepEqual([malformed, refused], [0, 0]);
    assert.deepEqual(complaints, []);
  });

  it('puts everything back when it stops', async () => {
    assert.notEqual(snapshot(), untouched);
    await datapath.stop();
    assert.equal(snapshot(), untouched);
    assert.deepEqual(readdirSync(state), []);
  });

  it('repairs what a killed one has left, and puts that back when it stops', async () => {
    const child = await net.spawn(process.execPath, script('tun-child'), net.name('d'), state);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    assert.notEqual(snapshot(), untouched);
    datapath = await startTunDatapath(options);
    assert.match(complaints.join('\n'), /repaired what a killed daemon had left/);
    await add(key('tcp', VIP.inet, 80), 'masq', SERVER.inet, 8080);
    assert.deepEqual(
      served(() => http(VIP.inet, 80)),
      ['s1', 's2'],
    );
    await datapath.stop();
    assert.equal(snapshot(), untouched);
  });

  it('works where packets from elsewhere than their route leads are filtered', async () => {
    net.sysctl('d', 'net/ipv4/conf/all/rp_filter', 1);
    // the director would filter answers that have its own virtual address: those of direct routing and tunnels go past it
    net.connect('c', 'eth1', 'w', 'to-c');
    net.ip('w', 'link set to-c master br0');
    net.address('c', 'eth1', '10.0.1.2/24');
    const strict = snapshot();
    datapath = await startTunDatapath(options);
    for (const [forward, port] of [
      ['masq', 80],
      ['route', 8080],
      ['tunnel', 8080],
    ] as const) {
      if (forward === 'route')
        for (const name of ['s1', 's2']) net.ip(name, 'route add 10.0.0.2 via 10.0.1.2');
      await add(key('tcp', VIP.inet, port), forward, SERVER.inet, 8080);
      assert.deepEqual(
        served(() => http(VIP.inet, port)),
        ['s1', 's2'],
        forward,
      );
      await datapath.execute('flush', {});
    }
    await datapath.stop();
    assert.equal(snapshot(), strict);
  });
}
