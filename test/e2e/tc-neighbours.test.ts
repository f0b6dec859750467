/** The tc program writes hardware addresses by itself: whom it sends to when they change, and nobody has told it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, eventually } from '../../demo/lab.js';
import { FAMILIES, type IPV4 } from '../../demo/layout.js';
import { startTunDatapath, type TunDatapath } from '../../src/daemon/tun-datapath.js';
import { rootOnly } from '../support/require-root.js';
import { Namespaces } from './namespaces.js';
import { script } from './script.js';

const ECHO = 7;
const PATIENCE = 60;
/** Addresses of a second network on the same link, and the routing table for answers in it. */
const UPPER = { director: '10.78.5.1', server: '10.78.5.11', prefix: 24, table: 78 };

describe('hardware addresses of the tc program', rootOnly('sysctl'), () => {
  const net = new Namespaces('tcmac');
  const state = mkdtempSync(join(tmpdir(), 'ipvsd-'));
  const complaints: string[] = [];
  let datapath: TunDatapath;

  before(async () => {
    build(net);
    net.address('server1', 'eth0', `${UPPER.server}/${UPPER.prefix}`);
    net.ip('server1', `route add default via ${UPPER.director} table ${UPPER.table}`);
    net.ip('server1', `rule add from ${UPPER.server} lookup ${UPPER.table}`);
    await net.start('server1', process.execPath, script('echo'), 'server1', String(ECHO));
    // neighbours that say nothing are found out within seconds, not half a minute
    for (const ip of ['ipv4', 'ipv6']) {
      const neigh = `net/${ip}/neigh/eth0`;
      net.sysctl('director', `${neigh}/base_reachable_time_ms`, 1000);
      net.sysctl('director', `${neigh}/delay_first_probe_time`, 1);
      net.sysctl('director', `${neigh}/retrans_time_ms`, 500);
    }
    const quiet = (): void => {};
    const complain = (message: string, fields?: object): void => {
      complaints.push(`${message} ${JSON.stringify(fields)}`);
    };
    const log = { debug: quiet, info: quiet, warn: complain, error: complain };
    const netns = net.name('director');
    datapath = await startTunDatapath({ netns, stateDirectory: state, log, fastPath: 'tc', xdp: 'none' });
  });
  afterEach(() => datapath.execute('flush', {}));
  after(async () => {
    await datapath?.stop();
    net.close();
    rmSync(state, { recursive: true });
    assert.deepEqual(complaints, []);
  });

  /** Waits until the tc program alone carries packets, and more of them than come when nobody answers. */
  const carried = (): Promise<void> =>
    eventually('the tc program does not carry', PATIENCE, async () => {
      const before = await datapath.counters();
      await sleep(1000);
      const now = await datapath.counters();
      const [tc, tun] = [now.tcPackets - before.tcPackets, now.packets - before.packets];
      assert.ok(tc > 20 && tun === 0, `${tc} by tc, ${tun} by TUN; ${net.ip('director', 'neigh')}`);
    });
  /** A flow from one port to the server that is carried before `change` and after it. */
  const under = async (
    { vip }: typeof IPV4,
    server: string,
    change: () => void | Promise<void>,
  ): Promise<void> => {
    const service = { protocol: 'udp', address: vip(1), port: ECHO } as const;
    const netmask = vip(1).includes(':') ? '128' : '255.255.255.255';
    await datapath.execute('service.add', {
      service: { ...service, scheduler: 'rr', flags: [], timeout: 0, netmask },
    });
    const dest = { address: server, port: ECHO, forward: 'masq', weight: 1, uThreshold: 0, lThreshold: 0 };
    await datapath.execute('dest.add', { service, dest: { ...dest, forward: 'masq' } });
    const args = [vip(1), ECHO, 1e6, 10, 100].map(String);
    const { child, printed } = net.collect('client', process.execPath, script('udp-flow'), ...args);
    await carried();
    await change();
    await carried();
    child.kill('SIGTERM');
    assert.match(await printed, /"server1":\d{2}/);
  };

  for (const [i, family] of FAMILIES.entries()) {
    const server = family.server(1);
    const moves = (last: number): void =>
      void net.ip('server1', `link set eth0 address 02:00:00:00:1${i}:0${last}`);

    it(`follow a real server that tells of another one, over ${family.name}`, () =>
      under(family, server, () => {
        net.sysctl('server1', 'net/ipv4/conf/eth0/arp_notify', 1);
        net.sysctl('server1', 'net/ipv6/conf/eth0/ndisc_notify', 1);
        moves(1);
      }));

    it(`follow a real server that says nothing, over ${family.name}`, () =>
      under(family, server, () => {
        net.sysctl('server1', 'net/ipv4/conf/eth0/arp_notify', 0);
        net.sysctl('server1', 'net/ipv6/conf/eth0/ndisc_notify', 0);
        moves(2);
      }));

    it(`follow a real server that was away, over ${family.name}`, () =>
      under(family, server, async () => {
        // neither does it answer nor does its address stay known
        net.ip('router', 'link set server1 nomaster');
        await eventually('it stays known', PATIENCE, () =>
          assert.doesNotMatch(net.ip('director', `neigh show ${server}`), /lladdr/),
        );
        moves(3);
        net.ip('router', 'link set server1 master lan');
      }));

    it(`follow that of our own interface, over ${family.name}`, () =>
      under(family, server, async () => {
        const address = `02:00:00:00:dd:0${i}`;
        net.ip('director', `link set eth0 address ${address}`);
        await eventually('frames have another', PATIENCE, () =>
          assert.match(net.ip('server1', `neigh show ${family.director}`), new RegExp(address)),
        );
      }));

    it(`survive that the neighbour table is emptied, over ${family.name}`, () =>
      under(family, server, () => void net.ip('director', 'neigh flush dev eth0')));
  }

  it('are those of an interface that stands on another one', async () => {
    net.ip('director', 'link add link eth0 name upper type macvlan mode bridge');
    net.ip('director', 'link set upper up');
    net.address('director', 'upper', `${UPPER.director}/${UPPER.prefix}`);
    const [family] = FAMILIES;
    await under(family, UPPER.server, async () => {
      net.sysctl('server1', 'net/ipv4/conf/eth0/arp_notify', 1);
      net.ip('server1', 'link set eth0 address 02:00:00:00:12:01');
      await carried();
      net.ip('director', 'link set upper address 02:00:00:00:dd:02');
    });
  });
});
