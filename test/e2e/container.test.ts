/** A daemon as in a container: /proc/sys is read-only, and there are few capabilities. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { eventually, IPVSADM, IPVSD } from '../../demo/lab.js';
import { temporaryFolder } from '../support/daemon.js';
import { rootOnly } from '../support/require-root.js';
import { Namespaces, run } from './namespaces.js';

const SERVER = new URL('./server.js', import.meta.url).pathname;
/** Seconds after which a daemon that should not have started is ended. */
const PATIENCE = 60;
const READ_ONLY = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys';

/** The sysctls that docs/install.md gives a container. */
function documented(): string[] {
  const page = readFileSync(new URL('../../../docs/install.md', import.meta.url), 'utf8');
  return [...page.matchAll(/--sysctl (\S+=\d)/g)].map(([, setting]) => setting!);
}

describe('in a container', rootOnly('setpriv', 'unshare', 'curl', 'sysctl'), () => {
  const net = new Namespaces('ctr');
  const folder = temporaryFolder();
  const socket = `${folder.path}/socket`;
  const inside = (capabilities: string, command: string): string[] => [
    ...['unshare', '-m', 'sh', '-c'],
    `${READ_ONLY} && exec timeout ${PATIENCE} setpriv --bounding-set=-all,${capabilities} --inh-caps=-all,${capabilities} ${process.execPath} ${IPVSD} ${command}`,
  ];
  const refused = (capabilities: string): string => {
    const command = inside(capabilities, `run --log-level error --socket ${socket}`);
    try {
      net.shell('director', command.map((word) => `'${word}'`).join(' '));
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string };
      return `${status}: ${stderr}`;
    }
    throw new Error('it was not refused');
  };

  before(async () => {
    for (const name of ['client', 'director', 'server']) net.add(name);
    net.connect('client', 'eth0', 'director', 'c0');
    net.connect('server', 'eth0', 'director', 's0');
    net.address('client', 'eth0', '10.1.0.9/24');
    net.address('director', 'c0', '10.1.0.1/24', '10.1.0.100/32');
    net.address('director', 's0', '10.2.0.1/24');
    net.address('server', 'eth0', '10.2.0.11/24');
    net.ip('server', 'route add default via 10.2.0.1');
    await net.start('server', process.execPath, SERVER, 'server1', '10.2.0.11');
  });
  after(() => {
    net.close();
    folder.remove();
  });

  it('a setting that is missing, or a capability, is named', () => {
    assert.match(refused('+net_admin,+net_raw'), /^3: .*\/proc\/sys\/net\/.*EROFS.*docs\/install\.md/);
    assert.match(refused('+net_raw'), /^3: .*CAP_NET_ADMIN/);
  });

  it('ipvsd doctor sees it', () => {
    const command = inside('+net_admin,+net_raw', 'doctor').map((word) => `'${word}'`);
    assert.match(net.shell('director', command.join(' ')), /^ no {2}proc_sys +EROFS/m);
  });

  it('with what docs/install.md says, packets are carried', async () => {
    const settings = documented();
    assert.ok(settings.length > 5);
    for (const setting of settings) net.exec('director', `sysctl -qw ${setting}`);
    assert.match(refused('+net_admin'), /^3: .*CAP_NET_RAW/);
    const { child, printed } = net.collect(
      'director',
      ...inside('+net_admin,+net_raw', `run --log-level error --socket ${socket}`),
    );
    const env = { IPVSD_SOCKET: socket };
    await eventually('ipvsd does not come up', 20, () => run(`${process.execPath} ${IPVSADM} -Ln`, env));
    for (const rule of ['-A -t 10.1.0.100:80 -s rr', '-a -t 10.1.0.100:80 -r 10.2.0.11:80 -m'])
      run(`${process.execPath} ${IPVSADM} ${rule}`, env);
    assert.match(net.exec('client', 'curl -sS -m 10 http://10.1.0.100/'), /^server1/);
    child.kill('SIGTERM');
    await printed;
  });
});
