/** Checks by the way of a service's packets: servers that answer on the virtual address alone, behind direct routing and tunnels. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { connectDirector } from '../../src/control/client.js';
import { IPVSD, type Started, start, temporaryFolder, until } from '../support/daemon.js';
import { Namespaces, skipReason } from './namespaces.js';

const VIP = '10.5.0.100';
const VIP6 = 'fd05::100';
/** Says on which address it was asked, and listens on the virtual ones alone. */
const SERVER = `
const { createServer } = require('node:http');
const { createSocket } = require('node:dgram');
const addresses = process.argv.slice(1);
let left = addresses.length;
for (const address of addresses) {
  createServer((request, answer) => answer.end(request.socket.localAddress)).listen(80, address, () => {
    const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    udp.on('message', (message, { port, address: to }) => {
      // a question of DNS gets its answer: no error
      if (message.length > 12) message[2] |= 0x80;
      udp.send(message.length > 12 ? message : 'well', port, to);
    });
    udp.bind(53, address, () => --left === 0 && console.log('ready'));
  });
}
setTimeout(() => {}, 2 ** 31 - 1);
`;

describe('checks that go as the packets of clients', { skip: skipReason() }, () => {
  const net = new Namespaces('hway');
  const folder = temporaryFolder();
  const socket = `${folder.path}/s.sock`;
  const director = connectDirector({ socket });
  let daemon: Started;
  const servers: ChildProcess[] = [];

  const own = (n: number, six: boolean) => (six ? `fd05::${n}` : `10.5.0.${n}`);
  const service = (
    protocol: string,
    vip: string,
    forward: string,
    check: string,
  ) => `  - protocol: ${protocol}
    address: "${vip}"
    port: ${protocol === 'tcp' ? 80 : 53}
    health:
      checks: [{ ${check}, interval: 300, timeout: 20000, rise: 1, fall: 1, start: down }]
    dests:
${[11, 12].map((n) => `      - { address: "${own(n, vip.includes(':'))}", port: ${protocol === 'tcp' ? 80 : 53}, forward: ${forward} }\n`).join('')}`;
  const http = (vip: string, via: string) => `type: http, via: ${via}, contains: "${vip}"`;
  const apply = async (services: string) => {
    await director.execute('config.apply', { text: `services:\n${services}`, file: 'test' });
  };
  const states = async (): Promise<string> => {
    const all = await director.execute('health.list', {});
    return all
      .flatMap(({ servers }) =>
        servers.map(({ up, checks }) => (checks[0]!.count === 0 ? '?' : up ? '+' : '-')),
      )
      .join('');
  };
  const become = async (expected: string) => {
    await until(async () => (await states()) === expected, expected).catch(async (error: Error) => {
      const now = JSON.stringify((await director.execute('health.list', {})).map(({ servers: s }) => s));
      throw new Error(`${error.message}: ${now} ${daemon.stderr()}`);
    });
  };

  before(async () => {
    for (const name of ['d', 's11', 's12', 'lan']) net.add(name);
    net.ip('lan', 'link add lan type bridge');
    net.ip('lan', 'link set lan up');
    for (const [name, n] of [
      ['d', 1],
      ['s11', 11],
      ['s12', 12],
    ] as const) {
      net.connect(name, 'eth0', 'lan', `to-${name}`);
      net.ip('lan', `link set to-${name} master lan`);
      net.address(name, 'eth0', `10.5.0.${n}/24`, `fd05::${n}/64`);
      if (name !== 'd') {
        // servers own the virtual address without telling anybody
        net.sysctl(name, 'net/ipv4/conf/all/arp_ignore', 1);
        net.sysctl(name, 'net/ipv4/conf/all/arp_announce', 2);
      }
      net.address(name, 'lo', `${VIP}/32`, `${VIP6}/128`);
    }
    for (const name of ['s11', 's12']) {
      servers.push(await net.start(name, process.execPath, '-e', SERVER, VIP, VIP6));
      net.background(name, process.execPath, IPVSD, 'decap');
    }
    daemon = start(['run', '--netns', net.name('d'), '--socket', socket]);
    await until(() => {
      assert.equal(daemon.child.exitCode, null, daemon.stderr());
      return / ready /.test(daemon.stderr());
    }, 'daemon ready');
  });
  after(async () => {
    director.close();
    daemon?.child.kill('SIGTERM');
    await daemon?.ended;
    // what the daemon remembers of servers that were down
    rmSync(`/run/ipvsd/netns-${statSync(`/run/netns/${net.name('d')}`).ino}.health`, { force: true });
    net.close();
    folder.remove();
  });

  test('asked at their own address, such servers seem to be down', async () => {
    await apply(service('tcp', VIP, 'route', http(VIP, 'server')));
    await become('--');
  });

  for (const forward of ['route', 'tunnel']) {
    test(`${forward}: at the virtual address they are up, over IPv4 and IPv6, TCP and UDP`, async () => {
      const udp = 'type: udp, via: service, contains: well';
      await apply(
        service('tcp', VIP, forward, http(VIP, 'service')) +
          service('tcp', VIP6, forward, http(VIP6, 'service')) +
          service('udp', VIP, forward, udp) +
          service('udp', VIP6, forward, 'type: dns, via: service'),
      );
      await become('++++++++');
    });
  }

  test('many are done, one after the other, and are counted neither for the service nor as connections of its server', async () => {
    await apply(service('tcp', VIP, 'route', http(VIP, 'service')));
    const asked = (times: number) =>
      until(async () => {
        const [all] = await director.execute('health.list', {});
        return all!.servers.every(({ checks }) => checks[0]!.count > times);
      }, `${times} checks`);
    await asked(6);
    const [entry] = await director.execute('health.list', {});
    assert.deepEqual(
      entry!.servers.map(({ checks }) => checks[0]!.failures),
      [0, 0],
    );
    const [listed] = await director.execute('service.list', {});
    assert.equal(listed!.stats.conns, 0);
    assert.equal(listed!.stats.inpkts, 0);
    const dests = await director.execute('dest.list', {
      service: { protocol: 'tcp', address: VIP, port: 80 },
    });
    assert.deepEqual(
      dests.map(({ activeConns, inactConns }) => activeConns + inactConns),
      [0, 0],
    );
  });

  test('each server is asked, and only that one', async () => {
    servers[0]!.kill('SIGKILL');
    await once(servers[0]!, 'exit');
    await become('-+');
  });

  test('another method is the way of the checks from then on', async () => {
    const tunnelled = async () =>
      (await director.execute('proc', { name: 'ip_vs' })).match(/Tunnel/g)?.length ?? 0;
    const service1 = { protocol: 'tcp', address: VIP, port: 80 } as const;
    for (const n of [11, 12]) {
      const [dest] = (await director.execute('dest.list', { service: service1 })).filter(
        ({ address }) => address === own(n, false),
      );
      const { address, port, weight, uThreshold, lThreshold } = dest!;
      const changed = { address, port, weight, uThreshold, lThreshold, forward: 'tunnel' } as const;
      await director.execute('dest.edit', { service: service1, dest: changed });
    }
    assert.equal(await tunnelled(), 2);
    await become('-+');
  });
});
