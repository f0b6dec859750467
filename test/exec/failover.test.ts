/** Two directors, each with keepalived and the daemon: one is lost in the middle of a transfer, and the other one goes on with it. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, IPVSADM, IPVSD } from '../../demo/lab.js';
import { Namespaces, run } from '../e2e/namespaces.js';
import { rootOnly } from '../support/require-root.js';

const SERVER = fileURLToPath(new URL('../e2e/server.js', import.meta.url));
const SLOW_GET = fileURLToPath(new URL('../e2e/slow-get.js', import.meta.url));
const VIP = '10.1.0.200';
const CLIENT = '10.1.0.9';
const DIRECTORS = { one: '10.1.0.1', two: '10.1.0.2' } as const;
const SERVERS = ['10.1.0.11', '10.1.0.12'];
/** Bytes of `/large`. */
const LARGE = 4 << 20;

type DirectorName = keyof typeof DIRECTORS;

const configuration = (priority: number): string => `
global_defs {
  script_user root
  lvs_sync_daemon eth0 VI id 33
}
vrrp_instance VI {
  state BACKUP
  interface eth0
  virtual_router_id 9
  priority ${priority}
  advert_int 1
  virtual_ipaddress {
    ${VIP}/32
  }
}
virtual_server ${VIP} 80 {
  delay_loop 1
  lvs_sched rr
  lvs_method DR
  protocol TCP
${SERVERS.map((address) => `  real_server ${address} 80 {\n    TCP_CHECK {\n      connect_timeout 1\n    }\n  }`).join('\n')}
}
`;

describe('two directors with keepalived', rootOnly('keepalived', 'curl', 'sysctl'), () => {
  const net = new Namespaces('fo');
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-failover-'));
  const programs: ChildProcess[] = [];
  const socket = (name: DirectorName): string => join(folder, `${name}.sock`);
  const ipvsadm = (name: DirectorName, args: string): string =>
    run(`${process.execPath} ${IPVSADM} ${args}`, { IPVSD_SOCKET: socket(name) }).trim();

  /** A namespace with an interface at the switch, which all share. */
  function attach(name: string, address: string): void {
    net.add(name);
    net.connect(name, 'eth0', 'switch', name);
    net.ip('switch', `link set ${name} master br0`);
    net.address(name, 'eth0', `${address}/24`);
  }

  function direct(name: DirectorName, priority: number): void {
    const file = join(folder, `${name}.conf`);
    writeFileSync(file, configuration(priority));
    const at = (kind: string): string => join(folder, `${name}.${kind}`);
    const exec = [process.execPath, IPVSD, 'exec', '--socket', socket(name), '--'];
    programs.push(
      net.background(
        name,
        ...[...exec, 'keepalived', '--dont-fork', '--no-syslog', '--use-file', file],
        ...['--pid', at('pid'), '--checkers_pid', at('checkers'), '--vrrp_pid', at('vrrp')],
      ),
    );
  }

  before(async () => {
    net.add('switch');
    net.ip('switch', 'link add br0 type bridge');
    net.ip('switch', 'link set br0 up');
    attach('client', CLIENT);
    for (const [i, address] of SERVERS.entries()) {
      const name = `server${i + 1}`;
      attach(name, address);
      // direct routing: the virtual address is theirs, but they do not say so
      net.sysctl(name, 'net/ipv4/conf/all/arp_ignore', 1);
      net.sysctl(name, 'net/ipv4/conf/all/arp_announce', 2);
      net.address(name, 'lo', `${VIP}/32`);
      await net.start(name, process.execPath, SERVER, name, address);
    }
    for (const [name, address] of Object.entries(DIRECTORS)) {
      attach(name, address);
      net.sysctl(name, 'net/ipv4/ip_forward', 1);
      net.sysctl(name, 'net/ipv4/conf/all/send_redirects', 0);
      const words = ['run', '--socket', socket(name as DirectorName), '--log-level', 'error'];
      programs.push(net.background(name, process.execPath, IPVSD, ...words));
    }
    for (const name of ['one', 'two'] as const) await eventually('no daemon', 30, () => ipvsadm(name, '-L'));
    direct('one', 150);
    direct('two', 100);
  });
  after(async () => {
    try {
      for (const program of programs.reverse()) {
        if (program.exitCode !== null || program.signalCode !== null) continue;
        program.kill('SIGTERM');
        await once(program, 'exit');
      }
    } finally {
      net.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('the one with the higher priority serves, and tells the other one', async () => {
    await eventually('one does not send', 30, () => assert.match(ipvsadm('one', '-L --daemon'), /^master /m));
    await eventually('two does not listen', 30, () =>
      assert.match(ipvsadm('two', '-L --daemon'), /^backup /m),
    );
    await eventually('no answer', 30, () =>
      assert.match(net.exec('client', `curl -sS -m 5 http://${VIP}/`), /^server/),
    );
  });

  test('when it is lost, the other one goes on with a transfer that has begun', async () => {
    const transfer = net.collect('client', process.execPath, SLOW_GET, VIP, '80', '/large');
    const established = (name: DirectorName): void => {
      assert.match(ipvsadm(name, '-L -n -c'), new RegExp(`ESTABLISHED ${CLIENT}:\\d+ +${VIP}:80`));
    };
    await eventually('no connection', 20, () => established('one'));
    await eventually('two was not told', 20, () => established('two'));

    net.ip('switch', 'link set one down');
    await eventually('two does not take over', 30, () =>
      assert.match(net.ip('two', 'addr show dev eth0'), new RegExp(`inet ${VIP}/32`)),
    );
    transfer.child.kill('SIGTERM');
    assert.equal((await transfer.printed).trim().split('\n').at(-1), String(LARGE));
  });

  test('new connections are served as well', async () => {
    await eventually('no answer', 30, () =>
      assert.match(net.exec('client', `curl -sS -m 5 http://${VIP}/`), /^server/),
    );
    assert.match(ipvsadm('two', '-L --daemon'), /^master /m);
  });
});
