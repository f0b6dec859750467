/** Debian's keepalived, unmodified, with a configuration as it is written for a kernel with IPVS. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../demo/lab.js';
import { rootOnly } from '../support/require-root.js';
import { DirectorLab, server, VIP } from './director-lab.js';

const SORRY = 4;

describe('keepalived under ipvsd exec', rootOnly('keepalived', 'curl', 'sysctl'), () => {
  const lab = new DirectorLab();
  const weightFile = join(lab.folder, 'weight');
  const script = join(lab.folder, 'check');

  /** @param weight of server 1, the one thing that a reload changes. */
  const configuration = (weight: number): string => `
global_defs {
  script_user root
  enable_script_security
  lvs_timeouts tcp 700 tcpfin 70 udp 77
}
virtual_server ${VIP} 80 {
  delay_loop 1
  lvs_sched wrr
  lvs_method NAT
  protocol TCP
  quorum 2
  hysteresis 0
  sorry_server ${server(SORRY)} 80
  real_server ${server(1)} 80 {
    weight ${weight}
    TCP_CHECK {
      connect_timeout 1
      retry 0
      delay_before_retry 1
    }
  }
  real_server ${server(2)} 80 {
    weight 1
    inhibit_on_failure
    HTTP_GET {
      url {
        path /
        status_code 200
      }
      connect_timeout 1
      retry 0
      delay_before_retry 1
    }
  }
}
virtual_server ${VIP} 8080 {
  delay_loop 1
  lvs_sched rr
  lvs_method NAT
  persistence_timeout 60
  protocol TCP
  real_server ${server(3)} 8080 {
    weight 5
    MISC_CHECK {
      misc_path "${script}"
      misc_timeout 5
      misc_dynamic
    }
  }
}
`;
  const second = (weight: number): string[] => [
    `TCP ${VIP}:8080 rr persistent`,
    `-> ${server(3)}:8080 Masq ${weight}`,
  ];
  const first = (weight: number): string[] => [
    `TCP ${VIP}:80 wrr`,
    `-> ${server(1)}:80 Masq ${weight}`,
    `-> ${server(2)}:80 Masq 1`,
  ];

  before(async () => {
    writeFileSync(weightFile, '0');
    writeFileSync(script, `#!/bin/sh\nexit $(cat ${weightFile})\n`);
    chmodSync(script, 0o755);
    await lab.open(SORRY);
  });
  after(() => lab.close());

  test('adds services and real servers', async () => {
    const file = lab.write('keepalived.conf', configuration(3));
    const at = (name: string): string => join(lab.folder, name);
    lab.start(
      ...['keepalived', '--dont-fork', '--no-syslog', '--check', '--use-file', file],
      ...['--pid', at('keepalived.pid'), '--checkers_pid', at('checkers.pid')],
    );
    await lab.becomes('services are not there', [...first(3), ...second(5)]);
    assert.match(lab.ipvsadm('-L --timeout'), /: 700 70 77$/);
    assert.deepEqual([...new Set(Array.from({ length: 8 }, () => lab.ask()))].sort(), ['server1', 'server2']);
    assert.equal(lab.ask(8080), 'server3');
  });

  test('MISC_CHECK changes a weight', async () => {
    writeFileSync(weightFile, '9');
    await lab.becomes('weight is not 7', [...first(3), ...second(7)]);
  });

  test('TCP_CHECK removes a server that does not answer, and the quorum is lost: the sorry server takes over', async () => {
    await lab.stopServer(1);
    await lab.becomes('no sorry server', [
      `TCP ${VIP}:80 wrr`,
      // inhibited, and so not removed
      `-> ${server(2)}:80 Masq 0`,
      `-> ${server(SORRY)}:80 Masq 1`,
      ...second(7),
    ]);
    await eventually('the sorry server does not answer', 5, () => assert.equal(lab.ask(), 'server4'));
  });

  test('it comes back', async () => {
    await lab.startServer(1);
    await lab.becomes('server 1 is not back', [...first(3), ...second(7)]);
  });

  test('HTTP_GET inhibits a server that does not answer', async () => {
    await lab.stopServer(2);
    await lab.becomes('server 2 is not inhibited', [
      `TCP ${VIP}:80 wrr`,
      `-> ${server(1)}:80 Masq 3`,
      `-> ${server(2)}:80 Masq 0`,
      ...second(7),
    ]);
    assert.deepEqual([...new Set(Array.from({ length: 4 }, () => lab.ask()))], ['server1']);
    await lab.startServer(2);
    await lab.becomes('server 2 is not back', [...first(3), ...second(7)]);
  });

  test('a reload changes what is different and leaves connections counted', async () => {
    const before = lab.connections();
    lab.write('keepalived.conf', configuration(4));
    lab.signal('SIGHUP');
    await lab.becomes('weight is not 4', [...first(4), ...second(7)]);
    // the estimator adds what is new every two seconds, and so there may be more by now
    assert.ok(before > 0 && lab.connections() >= before, 'services were not made anew');
  });

  test('the daemon is killed and started again: nothing is lost, and it goes on', async () => {
    // what listings show is on record after four seconds: two of the estimator, two of the record
    await sleep(4500);
    assert.ok(lab.connections() > 0);
    await lab.killDaemon();
    await lab.startDaemon();
    // a check that was on its way in between may have failed, which the next one mends
    await lab.becomes('services are not as they were', [...first(4), ...second(7)]);
    assert.ok(lab.connections() > 0, 'counters go on');
    assert.match(lab.ipvsadm('-L --timeout'), /: 700 70 77$/);
    // changed while nobody is there to take it
    await lab.killDaemon();
    writeFileSync(weightFile, '5');
    await lab.startDaemon();
    await lab.becomes('weight is not 3', [...first(4), ...second(3)]);
    assert.match(lab.ask(), /^server[12]$/);
  });

  test('at its end it removes what it added, and leaves with its own exit code', async () => {
    assert.equal(await lab.stop(), 0);
    assert.deepEqual(lab.listing(), []);
    // nothing that the program was not told
    assert.equal(existsSync(lab.log), false);
  });
});
