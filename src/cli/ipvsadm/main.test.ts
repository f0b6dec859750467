import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Started, start, temporaryFolder, until } from '../../../test/support/daemon.js';

const IPVSADM = fileURLToPath(new URL('../../../../bin/ipvsadm', import.meta.url));

const folder = temporaryFolder();
const socket = `${folder.path}/ipvsd.sock`;
after(folder.remove);

function ipvsadm(args: string, input = '') {
  const env = { ...process.env, IPVSD_SOCKET: socket };
  const { status, stdout, stderr } = spawnSync(IPVSADM, args.split(' '), { env, input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

function quiet(args: string, input?: string): void {
  assert.deepEqual(ipvsadm(args, input), { status: 0, stdout: '', stderr: '' });
}

test('without a daemon the program says where it looked, and ends with 2', () => {
  const { status, stderr } = ipvsadm('-L');
  assert.equal(status, 2);
  assert.match(stderr, /^Can't initialize ipvs: .*\/ipvsd\.sock/);
});

describe('with a daemon', () => {
  let daemon: Started;

  before(async () => {
    daemon = start(['run', '--datapath', 'none', '--socket', socket]);
    await until(() => daemon.stderr().includes('ready'), 'the daemon is ready');
  });

  after(async () => {
    daemon.child.kill();
    await daemon.ended;
  });

  test('rules are made, listed, saved, cleared and restored', () => {
    quiet('-A -t 10.1.0.100:80 -s rr');
    quiet('-a -t 10.1.0.100:80 -r 127.0.0.1 -m');
    const saved = ipvsadm('-S -n');
    const rules = '-A -t 10.1.0.100:80 -s rr\n-a -t 10.1.0.100:80 -r 127.0.0.1:80 -m -w 1\n';
    assert.deepEqual(saved, { status: 0, stdout: rules, stderr: '' });
    quiet('-C');
    quiet('-R', saved.stdout);
    assert.deepEqual(ipvsadm('-S -n'), saved);
  });

  test('what the daemon refuses ends with 255', () => {
    assert.deepEqual(ipvsadm('-D -f 7'), { status: 255, stdout: '', stderr: 'No such service\n' });
  });

  const skip = !existsSync('/etc/services') && 'this machine has no /etc/services';
  test('addresses and ports have the names that this machine has for them', { skip }, () => {
    quiet('-C');
    quiet('-A -u 127.0.0.1:domain');
    assert.match(ipvsadm('-Ln').stdout, /^UDP {2}127\.0\.0\.1:53 wlc$/m);
    assert.match(ipvsadm('-L').stdout, /^UDP {2}localhost:domain wlc$/m);
  });
});
