/** FTP through the TUN data path: data connections in both directions, on the usual port and on another that the configuration names. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { IPVSADM } from '../../demo/lab.js';
import { type Started, start, temporaryFolder, until } from '../support/daemon.js';
import { Namespaces, run, skipReason } from './namespaces.js';

const skip = skipReason('curl');
// the unusual one first: steering stays for as long as connections of port 21 do
const PORTS = [2121, 21];
const FAMILIES = {
  inet: { vip: '10.0.0.100', server: '10.0.1.11' },
  inet6: { vip: '[2001:db8::100]', server: '[2001:db8:1::11]' },
} as const;
/** How the data come: who opens the connection, and which command says where to. IPv6 has only the extended ones. */
const MODES = {
  'passive, EPSV': '',
  'active, EPRT': '-P -',
  'passive, PASV': '--disable-epsv --no-ftp-skip-pasv-ip',
  'active, PORT': '--disable-eprt -P -',
} as const;
type Mode = keyof typeof MODES;

const net = new Namespaces('ftp');
const folder = temporaryFolder();
const socket = join(folder.path, 'ipvsd.sock');
let daemon: Started;

const ipvsadm = (args: string): string =>
  run(`${process.execPath} ${IPVSADM} ${args}`, { IPVSD_SOCKET: socket });

/** client - director - server. The client has no route to the server: only what the director translates can be answered. */
async function build(): Promise<void> {
  for (const host of ['c', 'd', 's']) net.add(host);
  net.connect('c', 'eth0', 'd', 'eth0');
  net.connect('d', 'eth1', 's', 'eth0');
  net.address('c', 'eth0', '10.0.0.2/24', '2001:db8::2/64');
  net.address('d', 'eth0', '10.0.0.1/24', '2001:db8::1/64', '10.0.0.100/32', '2001:db8::100/128');
  net.address('d', 'eth1', '10.0.1.1/24', '2001:db8:1::1/64');
  net.address('s', 'eth0', '10.0.1.11/24', '2001:db8:1::11/64');
  net.ip('s', 'route add default via 10.0.1.1');
  net.ip('s', '-6 route add default via 2001:db8:1::1');
  const script = fileURLToPath(new URL('./ftp-server.js', import.meta.url));
  await net.start('s', process.execPath, script, 'contents', ...PORTS.map(String));
}

describe('FTP', { skip }, () => {
  before(async () => {
    await build();
    const config = join(folder.path, 'config.json');
    writeFileSync(config, JSON.stringify({ socket, netns: net.name('d'), ftpPorts: PORTS }));
    daemon = start(['run', '--config', config]);
    await until(() => {
      assert.equal(daemon.child.exitCode, null, daemon.stderr());
      return / ready /.test(daemon.stderr());
    }, 'daemon ready');
  });
  after(async () => {
    daemon?.child.kill('SIGTERM');
    if (daemon?.child.exitCode === null) await once(daemon.child, 'exit');
    net.close();
    folder.remove();
  });

  for (const port of PORTS) {
    describe(`on port ${port} alone`, () => {
      before(() => {
        for (const { vip, server } of Object.values(FAMILIES)) {
          ipvsadm(`-A -t ${vip}:${port} -s rr`);
          ipvsadm(`-a -t ${vip}:${port} -r ${server}:${port} -m`);
        }
      });
      after(() => ipvsadm('-C'));

      for (const [family, { vip }] of Object.entries(FAMILIES)) {
        const modes = Object.keys(MODES) as Mode[];
        for (const mode of family === 'inet' ? modes : modes.slice(0, 2)) {
          it(`${mode}, over ${family}`, () => {
            const curl = `curl -sS -m 5 --globoff ${MODES[mode]} ftp://${vip}:${port}/file`;
            assert.equal(net.exec('c', curl), 'contents');
            // the server opened it from the port before the control connection's: the virtual address's, for the client
            const fromServer = new RegExp(`TCP +\\S+ +\\S+ +\\S+:\\d+ +\\S+:${port - 1} `);
            if (mode.startsWith('active')) assert.match(ipvsadm('-Lnc'), fromServer);
          });
        }
      }
    });
  }

  it('has a helper on these ports', () => {
    const ipvsd = fileURLToPath(new URL('../../../bin/ipvsd', import.meta.url));
    const text = run(`${process.execPath} ${ipvsd} proc ip_vs_app`, { IPVSD_SOCKET: socket });
    for (const port of PORTS) assert.match(text, new RegExp(`TCP\\s+${port}\\s+\\d+\\s+ftp`));
  });
});
