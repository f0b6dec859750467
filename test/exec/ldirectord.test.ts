/** Debian's ldirectord, unmodified: a Perl program that runs ipvsadm and reads what it prints. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { skipReason } from '../e2e/namespaces.js';
import { DirectorLab, server, VIP } from './director-lab.js';

// not asked for in CI: its packages replace Perl
describe('ldirectord under ipvsd exec', { skip: skipReason('ldirectord', 'ipvsadm', 'sysctl') }, () => {
  const lab = new DirectorLab();
  const service = `TCP ${VIP}:80 wrr`;
  const up = [service, `-> ${server(1)}:80 Masq 2`, `-> ${server(2)}:80 Masq 1`];
  const configuration = `
checktimeout=2
checkinterval=1
quiescent=yes
supervised=yes
logfile="${join(lab.folder, 'ldirectord.log')}"
virtual=${VIP}:80
    real=${server(1)}:80 masq 2
    real=${server(2)}:80 masq 1
    fallback=${server(3)}:80 masq
    service=http
    checktype=connect
    scheduler=wrr
    protocol=tcp
`;

  before(() => lab.open(3));
  after(() => lab.close());

  test('adds real servers that answer', async () => {
    lab.start('ldirectord', lab.write('ldirectord.cf', configuration), 'start');
    await lab.becomes('servers are not there', up);
  });

  test('quiesces one that does not answer, and takes it back', async () => {
    await lab.stopServer(1);
    await lab.becomes('server 1 is still there', [service, `-> ${server(1)}:80 Masq 0`, up[2]!]);
    await lab.startServer(1);
    await lab.becomes('server 1 is not back', up);
  });

  test('falls back when none answers', async () => {
    await Promise.all([lab.stopServer(1), lab.stopServer(2)]);
    const quiet = [1, 2].map((n) => `-> ${server(n)}:80 Masq 0`);
    await lab.becomes('no fallback', [service, ...quiet, `-> ${server(3)}:80 Masq 1`]);
  });

  test('at its end it removes what it added', async () => {
    await lab.stop();
    assert.deepEqual(lab.listing(), []);
    assert.equal(existsSync(lab.log), false);
  });
});
