/** tc hands packets over to the other end of a veth, past our own end, where nobody would miss them there. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../demo/lab.js';
import { startTunDatapath, type TunDatapath } from '../../src/daemon/tun-datapath.js';
import { rootOnly } from '../support/require-root.js';
import { Namespaces } from './namespaces.js';
import { script } from './script.js';

const ECHO = 7;
const HTTP = 8080;
const MIB = 1 << 20;
const PATIENCE = 60;
const NETWORKS = [
  { name: 'IPv4', near: '10.79.1', far: '10.79.2', join: '.', prefix: 24, vip: '10.79.9.1' },
  { name: 'IPv6', near: 'fd79:1:', far: 'fd79:2:', join: ':', prefix: 64, vip: 'fd79:9::1' },
];

for (const redirectPeer of ['auto', 'none'] as const) {
  describe(`--redirect-peer ${redirectPeer}`, rootOnly('sysctl'), () => {
    const net = new Namespaces(`peer${redirectPeer}`);
    const state = mkdtempSync(join(tmpdir(), 'ipvsd-'));
    const complaints: string[] = [];
    const flows: { child: ChildProcess; printed: Promise<string> }[] = [];
    let datapath: TunDatapath;

    before(async () => {
      for (const name of ['client', 'director', 'server']) net.add(name);
      net.connect('client', 'eth0', 'director', 'near');
      net.connect('server', 'eth0', 'director', 'far');
      for (const { near, far, join: by, prefix, vip } of NETWORKS) {
        net.address('client', 'eth0', `${near}${by}2/${prefix}`);
        net.address('director', 'near', `${near}${by}1/${prefix}`);
        net.address('director', 'far', `${far}${by}1/${prefix}`);
        net.address('server', 'eth0', `${far}${by}2/${prefix}`);
        net.address('director', 'lo', `${vip}/${by === '.' ? 32 : 128}`);
        net.ip('client', `route add ${vip} via ${near}${by}1`);
        net.ip('server', `route add default via ${far}${by}1`);
      }
      await net.start('server', process.execPath, script('echo'), 'server', String(ECHO));
      const own = NETWORKS.map(({ far, join: by }) => `${far}${by}2`);
      await net.start('server', process.execPath, script('server'), 'server', ...own);
      const quiet = (): void => {};
      const complain = (message: string, fields?: object): void => {
        complaints.push(`${message} ${JSON.stringify(fields)}`);
      };
      const log = { debug: quiet, info: quiet, warn: complain, error: complain };
      const netns = net.name('director');
      datapath = await startTunDatapath({
        ...{ netns, stateDirectory: state, log, fastPath: 'tc', xdp: 'none' },
        redirectPeer,
      });
      for (const { far, join: by, vip } of NETWORKS) {
        const service = { protocol: 'udp', address: vip, port: ECHO } as const;
        const netmask = by === '.' ? '255.255.255.255' : '128';
        await datapath.execute('service.add', {
          service: { ...service, scheduler: 'rr', flags: [], timeout: 0, netmask },
        });
        const limits = { weight: 1, uThreshold: 0, lThreshold: 0 };
        const dest = { address: `${far}${by}2`, port: ECHO, forward: 'masq', ...limits } as const;
        await datapath.execute('dest.add', { service, dest });
        const args = [vip, ECHO, 1e6, 10, 1000].map(String);
        flows.push(net.collect('client', process.execPath, script('udp-flow'), ...args));
      }
    });
    after(async () => {
      await datapath?.stop();
      net.close();
      rmSync(state, { recursive: true });
      assert.deepEqual(complaints, []);
    });

    const bytesSent = (name: string): number =>
      Number(net.exec('director', `cat /sys/class/net/${name}/statistics/tx_bytes`));
    /** Packets that have left by an interface of the director. */
    const sent = (name: string): number =>
      Number(net.exec('director', `cat /sys/class/net/${name}/statistics/tx_packets`));
    /** Waits until tc carries, and packets leave by both interfaces as they are to: for some time a few others do, those of neighbour discovery. */
    const leave = (past: boolean): Promise<void> =>
      eventually(`packets ${past ? 'do not pass' : 'pass'} the interfaces by`, PATIENCE, async () => {
        const before = { tc: (await datapath.counters()).tcPackets, near: sent('near'), far: sent('far') };
        await sleep(1000);
        const tc = (await datapath.counters()).tcPackets - before.tc;
        const [near, far] = [sent('near') - before.near, sent('far') - before.far];
        const said = JSON.stringify({ tc, near, far });
        assert.ok(tc > 40, said);
        if (past) assert.ok(near + far < tc / 10, said);
        else assert.ok(near + far > (tc * 9) / 10, said);
      });
    const handsOver = (): Promise<void> => leave(true);
    const sends = (): Promise<void> => leave(false);

    if (redirectPeer === 'none') it('sends by the interfaces', sends);
    else {
      it('passes the interfaces by', handsOver);

      for (const { name, far, join: by, vip } of NETWORKS) {
        it(`brings segments of all sizes, whole, over ${name}`, async () => {
          const service = { protocol: 'tcp', address: vip, port: HTTP } as const;
          const netmask = by === '.' ? '255.255.255.255' : '128';
          await datapath.execute('service.add', {
            service: { ...service, scheduler: 'rr', flags: [], timeout: 0, netmask },
          });
          const limits = { weight: 1, uThreshold: 0, lThreshold: 0 };
          const dest = { address: `${far}${by}2`, port: HTTP, forward: 'masq', ...limits } as const;
          await datapath.execute('dest.add', { service, dest });
          const url = `http://${by === '.' ? vip : `[${vip}]`}:${HTTP}`;
          // hardware addresses of a new way are there within some hundred milliseconds
          await eventually('large packets do not pass the interfaces by', PATIENCE, () => {
            const before = bytesSent('near') + bytesSent('far');
            assert.equal(net.exec('client', `curl -sS -m 60 ${url}/large`).length, 4 * MIB);
            assert.match(
              net.exec('client', `curl -sS -m 60 -T ${process.execPath} ${url}/`),
              /^server \d{7}/,
            );
            const past = bytesSent('near') + bytesSent('far') - before;
            assert.ok(past < MIB, `${past} bytes`);
          });
        });
      }

      it('does not where packets are to wait in line, and does again when no longer', async () => {
        const discipline = (what: string): void => {
          for (const name of ['near', 'far']) net.exec('director', `tc qdisc ${what} dev ${name} root pfifo`);
        };
        discipline('add');
        await sends();
        discipline('del');
        await handsOver();
      });

      it('does not while a filter sees what goes out', async () => {
        for (const name of ['near', 'far']) {
          net.exec('director', `tc qdisc add dev ${name} clsact`);
          net.exec('director', `tc filter add dev ${name} egress protocol all u32 match u32 0 0`);
        }
        await sends();
        for (const name of ['near', 'far']) net.exec('director', `tc qdisc del dev ${name} clsact`);
        await handsOver();
      });

      it('follows a peer that has another address', async () => {
        net.ip('server', 'link set eth0 address 02:00:00:00:79:02');
        await handsOver();
      });

      it('does not where the other end is not the next hop but leads to it', async () => {
        net.ip('server', 'link add between type bridge');
        net.ip('server', 'link set between address 02:00:00:00:79:03 up');
        for (const { far, join: by, prefix } of NETWORKS) {
          net.ip('server', `addr del ${far}${by}2/${prefix} dev eth0`);
          net.address('server', 'between', `${far}${by}2/${prefix}`);
          net.ip('server', `route replace default via ${far}${by}1`);
        }
        net.ip('server', 'link set eth0 master between');
        await eventually('packets to the server do not leave', PATIENCE, async () => {
          const before = { far: sent('far'), near: sent('near') };
          await sleep(1000);
          const [near, far] = [sent('near') - before.near, sent('far') - before.far];
          assert.ok(far > 20 && near < far / 2, JSON.stringify({ near, far }));
        });
      });
    }

    it('brings answers all the while', async () => {
      for (const { child, printed } of flows) {
        child.kill('SIGTERM');
        const { server, nobody = 0 } = JSON.parse((await printed).replace('ready', ''));
        assert.ok(server > 20 && nobody < server / 4, JSON.stringify({ server, nobody }));
      }
    });
  });
}
