/**
 * What the kernel's own test of IPVS does (`tools/testing/selftests`, `ipvs.sh`): three namespaces, and a random file that has to arrive whole through direct routing,
 * NAT and a tunnel. The daemon and ipvsadm are the real ones.
 *
 *     client 10.0.1.2 --- 10.0.1.1 director 10.0.2.1 --- 10.0.2.2 server
 *            10.0.3.1 ----------------------------------- 10.0.3.2         answers of direct routing and tunnels
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, IPVSADM, IPVSD } from '../../demo/lab.js';
import { rootOnly } from '../support/require-root.js';
import { Namespaces, run } from './namespaces.js';

const VIP = '207.175.44.110';
const RIP = '10.0.2.2';
const PORT = 8080;
/** Bytes of the file. */
const SIZE = 32;
/** Routing table of the answers that go past the director. */
const BACK_TABLE = 78;
const SCRIPT = fileURLToPath(new URL('./tcp-file.js', import.meta.url));

describe("the kernel's own selftest", rootOnly('sysctl'), () => {
  const net = new Namespaces('self');
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-selftest-'));
  const [given, taken] = [join(folder, 'given'), join(folder, 'taken')];
  const socket = join(folder, 'ipvsd.sock');
  let daemon: ChildProcess | undefined;
  const ipvsadm = (args: string): string =>
    run(`${process.execPath} ${IPVSADM} ${args}`, { IPVSD_SOCKET: socket });

  before(async () => {
    for (const name of ['client', 'director', 'server']) {
      net.add(name);
      // answers come by another way than requests go
      for (const scope of ['all', 'default']) net.sysctl(name, `net/ipv4/conf/${scope}/rp_filter`, 0);
    }
    net.connect('client', 'eth0', 'director', 'eth0');
    net.connect('director', 'eth1', 'server', 'eth0');
    net.connect('client', 'eth1', 'server', 'eth1');
    net.address('client', 'eth0', '10.0.1.2/24');
    net.address('client', 'eth1', '10.0.3.1/24');
    net.address('director', 'eth0', '10.0.1.1/24');
    net.address('director', 'eth1', '10.0.2.1/24');
    net.address('director', 'lo', `${VIP}/32`);
    net.address('server', 'eth0', `${RIP}/24`);
    net.address('server', 'eth1', '10.0.3.2/24');
    net.sysctl('director', 'net/ipv4/ip_forward', 1);
    net.ip('client', `route add ${VIP} via 10.0.1.1`);
    net.ip('server', 'route add default via 10.0.2.1');
    net.ip('server', `route add default via 10.0.3.1 table ${BACK_TABLE}`);
    net.ip('server', `rule add from ${VIP} lookup ${BACK_TABLE}`);
    daemon = net.background(
      'director',
      ...[process.execPath, IPVSD, 'run', '--socket', socket, '--log-level', 'error'],
    );
    await eventually('ipvsd does not come up', 15, () => {
      if (daemon?.exitCode !== null) throw new Error(`it ended with code ${daemon?.exitCode}`);
      return ipvsadm('-Ln');
    });
    await net.start('server', process.execPath, SCRIPT, 'take', String(PORT), taken);
  });
  after(async () => {
    if (daemon?.kill('SIGTERM')) await once(daemon, 'exit');
    net.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Sends a new file to the virtual address, and holds what arrived against it. */
  const transfer = async (option: string): Promise<void> => {
    ipvsadm(`-A -t ${VIP}:${PORT} -s rr`);
    ipvsadm(`-a -t ${VIP}:${PORT} -r ${RIP}:${PORT} ${option}`);
    writeFileSync(given, randomBytes(SIZE));
    net.exec('client', `${process.execPath} ${SCRIPT} give ${VIP} ${PORT} ${given}`);
    // who takes it writes it down a moment after it has been given
    await eventually('the file does not arrive', 5, () =>
      assert.deepEqual(readFileSync(taken), readFileSync(given)),
    );
    // it came by way of the director
    assert.match(
      ipvsadm('-Lnc'),
      new RegExp(`^TCP .* 10\\.0\\.1\\.2:\\d+ +${VIP}:${PORT} +${RIP}:${PORT}$`, 'm'),
    );
    ipvsadm('-C');
  };

  it('NAT', () => transfer('-m'));

  it('direct routing', () => {
    // from now on the server has the virtual address
    net.address('server', 'lo', `${VIP}/32`);
    transfer('-g');
  });

  it('a tunnel', async () => {
    const decap = net.background('server', process.execPath, IPVSD, 'decap', '--from', '10.0.2.1');
    await eventually('ipvsd decap does not come up', 15, () => {
      if (decap.exitCode !== null) throw new Error(`it ended with code ${decap.exitCode}`);
      return net.ip('server', 'link show ipvsdecap0');
    });
    transfer('-i');
  });
});
