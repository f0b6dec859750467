/** XDP in front of tc, with real packets: what it carries, what it leaves to tc, whom it sends to when things change. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, IPVSD } from '../../demo/lab.js';
import { FAMILIES, IPV4, METHODS, SERVERS } from '../../demo/layout.js';
import { rootOnly } from '../support/require-root.js';
import { CarryingLab, FORWARD, key, PORTS } from './carrying-lab.js';
import { Namespaces } from './namespaces.js';

const PATIENCE = 30;

describe('XDP', rootOnly('curl', 'sysctl', 'ethtool'), () => {
  const lab = new CarryingLab('xdp');
  const { net } = lab;
  const attached: string[] = [];

  /** Sets a feature of an interface. */
  const feature = (host: string, device: string, name: string, value: 'on' | 'off'): void =>
    void net.exec(host, `ethtool -K ${device} ${name} ${value}`);

  before(async () => {
    await lab.build();
    // as if their packets had come from a network: with checksums
    for (const host of ['client', ...SERVERS.map((n) => `server${n}`)]) feature(host, 'eth0', 'tx', 'off');
    // the other end of what XDP sends by must expect frames
    feature('router', 'director', 'gro', 'on');
    await lab.start({ xdp: 'native' }, (message, fields) => {
      if (message === 'XDP carries packets') attached.push(JSON.stringify(fields));
    });
  });
  afterEach(() => lab.datapath.execute('flush', {}));
  after(() => lab.close());

  /** Packets by tier while `work` runs. */
  const tiers = async (work: () => Promise<void>): Promise<{ tun: number; tc: number; xdp: number }> => {
    const before = await lab.datapath.counters();
    await work();
    const now = await lab.datapath.counters();
    return {
      tun: now.packets - before.packets,
      tc: now.tcPackets - before.tcPackets,
      xdp: now.xdpPackets - before.xdpPackets,
    };
  };

  it('is attached where it was asked for, and nowhere else', () => {
    assert.deepEqual(attached, ['{"interface":"eth0","mode":"native"}']);
    assert.match(net.ip('director', '-d link show dev eth0'), /prog\/xdp/);
  });

  for (const family of FAMILIES) {
    for (const { name, vip: number } of METHODS) {
      const vip = family.vip(number);

      it(`carries TCP and UDP by ${name} over ${family.name}`, async () => {
        await lab.add(key('tcp', vip, PORTS.http), FORWARD[name]!, [family.server(1)]);
        await lab.add(key('udp', vip, PORTS.echo), FORWARD[name]!, [family.server(1)]);
        const { tun, tc, xdp } = await tiers(async () => {
          lab.transfer(vip);
          const { answers } = lab.flow(vip, 500, 0);
          assert.deepEqual(await answers, { server1: 500 });
        });
        const said = JSON.stringify({ tun, tc, xdp });
        assert.ok(tun < 500, said);
        // by NAT the answers as well; transfers are of thousands of packets
        assert.ok(xdp > (name === 'NAT' ? 4000 : 1000) && tc < xdp, said);
      });
    }
  }

  it('leaves to tc what has its checksum still to be completed', async () => {
    const vip = IPV4.vip(1);
    await lab.add(key('tcp', vip, PORTS.http), 'masq', [IPV4.server(1)]);
    for (const host of ['client', 'server1']) feature(host, 'eth0', 'tx', 'on');
    const { tc, xdp } = await tiers(async () => lab.transfer(vip));
    for (const host of ['client', 'server1']) feature(host, 'eth0', 'tx', 'off');
    assert.ok(tc > 10 * xdp, JSON.stringify({ tc, xdp }));
  });

  /** A flow from one port to server 1 that is carried by XDP before `change` and after it. */
  const under = async (change: () => void | Promise<void>): Promise<void> => {
    const vip = IPV4.vip(1);
    await lab.add(key('udp', vip, PORTS.echo), 'masq', [IPV4.server(1)]);
    const { child } = lab.flow(vip, 100_000, 10);
    await carriedBy('xdpPackets');
    await change();
    // and again when things have settled
    await carriedBy('xdpPackets');
    child.kill();
  };
  /** Waits until this tier alone carries packets, and more of them than come when nobody answers: three a second. */
  const carriedBy = async (tier: 'tcPackets' | 'xdpPackets'): Promise<void> => {
    for (const end = Date.now() + PATIENCE * 1000; ; ) {
      const before = await lab.datapath.counters();
      await sleep(1000);
      const now = await lab.datapath.counters();
      const other = tier === 'tcPackets' ? 'xdpPackets' : 'tcPackets';
      if (now[tier] - before[tier] > 10 && now[other] === before[other]) return;
      const rise = (name: keyof typeof now): string => `${name} ${now[name] - before[name]}`;
      const said = [rise('packets'), rise('tcPackets'), rise('xdpPackets'), rise('unresolved')];
      assert.ok(
        Date.now() < end,
        `${tier} do not rise alone: ${said.join(', ')}; ${net.ip('director', 'neigh')}`,
      );
    }
  };

  it('follows a real server to another hardware address', () =>
    under(() => {
      net.sysctl('server1', 'net/ipv4/conf/eth0/arp_notify', 1);
      net.ip('server1', 'link set eth0 address 02:00:00:00:11:01');
    }));

  it('finds out about an address that has changed without a word', () =>
    under(async () => {
      // what takes half a minute by default
      const neigh = 'net/ipv4/neigh/eth0';
      net.sysctl('director', `${neigh}/base_reachable_time_ms`, 1000);
      net.sysctl('director', `${neigh}/delay_first_probe_time`, 1);
      net.sysctl('director', `${neigh}/retrans_time_ms`, 500);
      net.ip('director', 'neigh flush dev eth0');
      await carriedBy('xdpPackets');
      net.sysctl('server1', 'net/ipv4/conf/eth0/arp_notify', 0);
      net.ip('server1', 'link set eth0 address 02:00:00:00:11:02');
    }));

  it('follows a real server to another port of the network', () =>
    under(() => {
      net.ip('server1', 'link set eth0 down');
      net.connect('server1', 'eth1', 'router', 'moved');
      net.ip('router', 'link set moved master lan');
      feature('server1', 'eth1', 'tx', 'off');
      net.ip('server1', 'link set eth1 address 02:00:00:00:11:02');
      net.ip('server1', `addr del ${IPV4.server(1)}/${IPV4.prefix} dev eth0`);
      net.address('server1', 'eth1', `${IPV4.server(1)}/${IPV4.prefix}`);
      net.ip('server1', `route add default via ${IPV4.router}`);
      net.ip('server1', `route add default via ${IPV4.director} table 77`);
    }));

  it('survives its interface being down', () =>
    under(() => {
      net.ip('director', 'link set eth0 down');
      net.ip('director', 'link set eth0 up');
      net.ip('director', `route add default via ${IPV4.router}`);
    }));

  it('takes a new address of its own interface', () =>
    under(() => void net.ip('director', 'link set eth0 address 02:00:00:00:dd:01')));

  it('leaves to tc what the other end of a veth would lose', () =>
    under(async () => {
      feature('router', 'director', 'gro', 'off');
      await carriedBy('tcPackets');
      feature('router', 'director', 'gro', 'on');
    }));

  it('follows interfaces that come and go, and leaves ports alone', async () => {
    const has = (device: string): boolean =>
      net.ip('director', `-d link show dev ${device}`).includes('prog/xdp');
    net.ip('director', 'link add late0 type veth peer name late1');
    await eventually('it is not attached', PATIENCE, () => assert.ok(has('late0') && has('late1')));
    net.ip('director', 'link add late-bridge type bridge');
    net.ip('director', 'link set late0 master late-bridge');
    await eventually('it is still attached', PATIENCE, () => assert.ok(!has('late0') && has('late1')));
    net.ip('director', 'link del late0');
    net.ip('director', 'link del late-bridge');
  });
});

describe('a daemon with XDP', rootOnly(), () => {
  const net = new Namespaces('fastd');
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-'));
  before(() => {
    net.add('a');
    net.add('b');
    net.connect('a', 'eth0', 'b', 'eth0');
  });
  after(() => {
    net.close();
    rmSync(folder, { recursive: true });
  });

  for (const xdp of ['native', 'generic'] as const) {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      it(`takes XDP, ${xdp}, along when it ends by ${signal}`, async () => {
        const run = `${process.execPath} ${IPVSD} run --socket ${folder}/socket --xdp ${xdp}`;
        const daemon = await net.start('a', 'sh', '-c', `exec ${run} 2>&1`);
        const shown = (): string => net.ip('a', '-d link show dev eth0');
        assert.match(shown(), xdp === 'generic' ? /xdpgeneric/ : /prog\/xdp/);
        daemon.kill(signal);
        await once(daemon, 'exit');
        await eventually('it is left behind', PATIENCE, () => assert.doesNotMatch(shown(), /xdp/));
      });
    }
  }

  it('leaves veth to tc by itself', async () => {
    const run = `${process.execPath} ${IPVSD} run --socket ${folder}/socket`;
    const daemon = await net.start('a', 'sh', '-c', `exec ${run} 2>&1`);
    assert.doesNotMatch(net.ip('a', '-d link show dev eth0'), /xdp/);
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
  });
});
