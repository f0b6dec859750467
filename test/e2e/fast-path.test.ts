/** The fast path with real packets: who carries them, what is counted, when connections end, what commands put an end to. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../demo/lab.js';
import { FAMILIES, IPV4, METHODS } from '../../demo/layout.js';
import { RTPROT_IPVSD } from '../../src/linux/rtnetlink.js';
import { rootOnly } from '../support/require-root.js';
import { CarryingLab, FORWARD, inUrl, key, PORTS } from './carrying-lab.js';

describe('the fast path', rootOnly('curl', 'socat', 'sysctl'), () => {
  const lab = new CarryingLab('fast');
  const { net } = lab;

  before(async () => {
    await lab.build();
    // joined segments that are too long for a tunnel are cut by the engine, and the sender does not hear of it
    for (const f of FAMILIES)
      net.ip('client', `route add ${f.vip(3)}${f.host} via ${f.clientGateway} mtu 1400`);
    await lab.start();
  });
  afterEach(() => lab.datapath.execute('flush', {}));
  after(() => lab.close());

  for (const family of FAMILIES) {
    for (const { name, vip: number } of METHODS) {
      const vip = family.vip(number);

      it(`carries TCP and UDP by ${name} over ${family.name}`, async () => {
        const tcp = key('tcp', vip, PORTS.http);
        const udp = key('udp', vip, PORTS.echo);
        await lab.add(tcp, FORWARD[name]!, [family.server(1)]);
        await lab.add(udp, FORWARD[name]!, [family.server(1)]);
        const before = await lab.datapath.counters();
        lab.transfer(vip);
        const { answers } = lab.flow(vip, 500, 0);
        assert.deepEqual(await answers, { server1: 500 });
        const after = await lab.datapath.counters();
        // the engine sees how connections begin and end, and what comes before it has had the time to hand them over
        assert.ok(after.packets - before.packets < 500, `${after.packets - before.packets} packets by TUN`);
        assert.ok(after.installed - before.installed >= 3);
        // and yet all is counted
        const { stats } = await eventually('not all is counted', 20, async () => {
          const found = await lab.datapath.execute('service.get', { service: udp });
          assert.equal(found.stats.inpkts, 500);
          return found;
        });
        const header = family === IPV4 ? 28 : 48;
        const bytes = Array.from({ length: 500 }, (_, i) => header + `number ${i}`.length).reduce(
          (sum, n) => sum + n,
        );
        assert.equal(stats.inbytes, bytes);
        assert.equal(stats.outpkts, name === 'NAT' ? 500 : 0);
        const [dest] = await lab.datapath.execute('dest.list', { service: udp });
        assert.deepEqual([dest!.stats.inpkts, dest!.stats.inbytes], [500, bytes]);
      });
    }
  }

  for (const family of FAMILIES) {
    for (const tunCsum of ['nocsum', 'csum', 'remcsum'] as const) {
      for (const tunType of ['gue', 'gre'] as const) {
        if (tunType === 'gre' && tunCsum === 'remcsum') continue;
        it(`carries TCP and UDP by ${tunType} with ${tunCsum} over ${family.name}`, async () => {
          const vip = family.vip(3);
          const tunnel = { tunType, tunCsum, ...(tunType === 'gue' && { tunPort: 6080 }) };
          const tcp = key('tcp', vip, PORTS.http);
          const udp = key('udp', vip, PORTS.echo);
          await lab.add(tcp, 'tunnel', [family.server(1)], tunnel);
          await lab.add(udp, 'tunnel', [family.server(1)], tunnel);
          const before = await lab.datapath.counters();
          lab.upload(vip);
          // answers go straight to the client, so the upload took more than all that may come by TUN
          const { answers } = lab.flow(vip, 500, 0);
          assert.deepEqual(await answers, { server1: 500 });
          const after = await lab.datapath.counters();
          assert.ok(after.installed - before.installed >= 2);
          // segments that want a checksum each are the engine's
          const most = tunCsum === 'nocsum' ? 500 : Number.POSITIVE_INFINITY;
          assert.ok(
            after.packets - before.packets < most,
            `${after.packets - before.packets} packets by TUN`,
          );
        });
      }
    }
  }

  const vip = IPV4.vip(1);
  const udp = key('udp', vip, PORTS.echo);

  it('keeps connections alive by what it carries, and lets them end', async () => {
    await lab.add(udp, 'masq', [IPV4.server(1), IPV4.server(2)]);
    await lab.datapath.execute('timeout.set', { udp: 2 });
    const list = async () => (await lab.datapath.execute('conn.list', {})).entries;
    // connections of other tests have longer timeouts
    const others = new Set((await list()).map(({ clientPort }) => clientPort));
    const entries = async () => (await list()).filter(({ clientPort }) => !others.has(clientPort));
    const before = await lab.datapath.counters();
    // every 100 ms for four seconds: a new connection would go to the other server
    const { answers } = lab.flow(vip, 40, 100);
    await sleep(3000);
    const [entry] = await entries();
    // of two seconds, as seconds are listed
    assert.ok(entry!.expires >= 1);
    assert.deepEqual(Object.values(await answers), [40]);
    assert.ok((await lab.datapath.counters()).packets - before.packets < 10);
    await eventually('it does not end', 20, async () => assert.deepEqual(await entries(), []));
    await lab.datapath.execute('timeout.set', { udp: 300 });
  });

  it('sends nothing to a real server any more when the command that removes it has returned', async () => {
    await lab.add(udp, 'masq', [IPV4.server(1)]);
    const received = () => Number(net.exec('server1', 'cat /proc/net/snmp').match(/^Udp: (\d+)/m)![1]);
    for (let round = 0; round < 10; round++) {
      const before = received();
      const { child, answers } = lab.flow(vip, 1e9, 1, 20);
      await eventually('no packets', 20, () => assert.ok(received() > before + 20));
      await lab.datapath.execute('dest.delete', {
        service: udp,
        dest: { address: IPV4.server(1), port: PORTS.echo },
      });
      // what was on its way arrives; the client asks ten times more at least
      await eventually('packets go on', 20, async () => {
        const then = received();
        await sleep(250);
        assert.equal(received(), then);
      });
      const dest = {
        address: IPV4.server(1),
        port: PORTS.echo,
        forward: 'masq',
        weight: 1,
        uThreshold: 0,
        lThreshold: 0,
      } as const;
      await lab.datapath.execute('dest.add', { service: udp, dest });
      // and it goes on where it comes back
      const there = received();
      await eventually('packets do not come again', 20, () => assert.ok(received() > there + 20));
      child.kill('SIGTERM');
      const { server1 = 0, nobody = 0 } = await answers;
      assert.ok(server1 > 40 && nobody >= 1, JSON.stringify({ server1, nobody }));
    }
  });

  it('follows routes and neighbours', async () => {
    await lab.add(udp, 'masq', [IPV4.server(1)]);
    const before = await lab.datapath.counters();
    const { child, answers } = lab.flow(vip, 1e9, 5);
    await eventually('not carried', 20, async () =>
      assert.equal((await lab.datapath.counters()).installed, before.installed + 1),
    );
    net.ip('director', `route add ${IPV4.client}/32 via ${IPV4.router}`);
    net.ip('director', 'neigh flush dev eth0');
    await sleep(200);
    net.ip('director', `route del ${IPV4.client}/32 via ${IPV4.router}`);
    await eventually('its way was not closed', 20, async () =>
      assert.ok((await lab.datapath.counters()).installed > before.installed + 1),
    );
    child.kill('SIGTERM');
    assert.deepEqual(Object.keys(await answers), ['server1']);
    const after = await lab.datapath.counters();
    assert.ok(after.packets - before.packets < 20, `${after.packets - before.packets} packets by TUN`);
  });

  it('does not mind interfaces that come and go', async () => {
    await lab.add(udp, 'masq', [IPV4.server(1)]);
    const { answers } = lab.flow(vip, 200, 5);
    for (let i = 0; i < 20; i++) {
      net.ip('director', 'link add gone0 type veth peer name gone1');
      net.ip('director', 'link del gone0');
    }
    assert.deepEqual(await answers, { server1: 200 });
  });

  it('steers without routing rules, and fragments and errors too', async () => {
    for (const family of FAMILIES) {
      const vip = family.vip(1);
      // nobody listens on port 9
      for (const port of [PORTS.echo, 9]) await lab.add(key('udp', vip, port), 'masq', [family.server(1)]);
      await lab.add(key('tcp', vip, PORTS.http), 'masq', [family.server(1)]);
    }
    for (const ip of ['', '-6 ']) {
      net.ip('director', `${ip}rule add priority 0 lookup local`);
      net.ip('director', `${ip}rule flush protocol ${RTPROT_IPVSD}`);
    }
    for (const family of FAMILIES) {
      const vip = family.vip(1);
      const before = await lab.datapath.counters();
      assert.match(net.exec('client', `curl -sS -m 20 http://${inUrl(vip)}:${PORTS.http}/`), /^server1/);
      const ask = (port: number, size: number): string => {
        const target = `UDP${family === IPV4 ? 4 : 6}:${inUrl(vip)}:${port}`;
        const socat = ['socat', '-b65000', '-t4', '-', target];
        const options = { encoding: 'utf8', input: 'x'.repeat(size), stdio: 'pipe' } as const;
        return execFileSync('ip', ['netns', 'exec', net.name('client'), ...socat], options);
      };
      assert.match(ask(PORTS.echo, 1), /^server1 x/);
      // more than a frame holds, there and back
      assert.ok(ask(PORTS.echo, 5000).length > 5000);
      assert.throws(() => ask(9, 1), /Connection refused/);
      const after = await lab.datapath.counters();
      assert.ok(after.packets > before.packets && after.fragments >= before.fragments + 4);
    }
  });
});
