/** A balancer's script of many years, carried over as docs/migrate.md says: run against a daemon that carries no packets, and saved. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ipvsd, type Started, startDaemon, stopDaemon, temporaryFolder } from '../support/daemon.js';
import { rootOnly } from '../support/require-root.js';

const SCRIPT = `#!/bin/sh
IPVSADM=/sbin/ipvsadm
VIP=10.1.0.100
modprobe ip_vs || exit 1
sysctl -qw net.ipv4.vs.expire_nodest_conn=1
echo 1 > /proc/sys/net/ipv4/vs/expire_quiescent_template
$IPVSADM -C
$IPVSADM -A -t $VIP:80 -s wlc -p 300
for i in 1 2; do
  $IPVSADM -a -t $VIP:80 -r 10.2.0.1$i:8080 -m -w $i
done
$IPVSADM --set 700 120 300
`;

describe('a script of ipvsadm', rootOnly('ipvsadm', 'modprobe', 'sysctl'), () => {
  const folder = temporaryFolder();
  const socket = join(folder.path, 'ipvsd.sock');
  let daemon: Started;

  before(async () => {
    daemon = await startDaemon(socket);
  });
  after(async () => {
    await stopDaemon(daemon);
    folder.remove();
  });

  test('runs as it is, and what it has made can be saved as a configuration', async () => {
    const script = join(folder.path, 'balancer.sh');
    writeFileSync(script, SCRIPT);
    const ran = await ipvsd(['exec', '--socket', socket, '--', 'sh', script]);
    assert.deepEqual({ ...ran, stdout: ran.stdout.trim() }, { code: 0, stdout: '', stderr: '' });
    const { stdout } = await ipvsd(['save', '--socket', socket]);
    assert.equal(
      stdout,
      `sysctl:
  expire_nodest_conn: 1
  expire_quiescent_template: 1
timeouts:
  tcp: 700
vips: []
sync: []
services:
  - protocol: tcp
    address: 10.1.0.100
    port: 80
    scheduler: wlc
    flags: [ persistent ]
    timeout: 300
    dests:
      - { address: 10.2.0.11, port: 8080, forward: masq }
      - { address: 10.2.0.12, port: 8080, forward: masq, weight: 2 }
`,
    );
  });
});
