import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { dropInFor, writeDropIn } from './drop-in.js';

describe('a drop-in', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'ipvsd-root-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const unit = (folder: string, text: string): void => {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, 'lb.service'), text);
  };
  const command = ['/usr/bin/ipvsd', 'exec', '--'];
  const starts = (): string[] =>
    dropInFor({ root, unit: 'lb.service', command }).text.match(/^ExecStart=.*$/gm) ?? [];

  test('puts ipvsd exec before the command of the unit', () => {
    unit('lib/systemd/system', '[Service]\nExecStart=/usr/sbin/lb --dont-fork $ARGS\nExecReload=/bin/true\n');
    assert.deepEqual(starts(), [
      'ExecStart=',
      'ExecStart=/usr/bin/ipvsd exec -- /usr/sbin/lb --dont-fork $ARGS',
    ]);
  });

  test('heeds the more important of two units, its last commands, its signs and its long lines', () => {
    unit('lib/systemd/system', '[Service]\nExecStart=/usr/sbin/lb\n');
    unit(
      'etc/systemd/system',
      '[X]\nExecStart=/no\n[Service]\nExecStart=/no\nExecStart=\nExecStart=-/a \\\n  b\nExecStart=!/c\n',
    );
    assert.deepEqual(starts(), [
      'ExecStart=',
      'ExecStart=-/usr/bin/ipvsd exec -- /a    b',
      'ExecStart=!/usr/bin/ipvsd exec -- /c',
    ]);
  });

  test('names the socket, and quotes what systemd would read otherwise', () => {
    unit('lib/systemd/system', '[Service]\nExecStart=/lb\n');
    const { text } = dropInFor({
      root,
      unit: 'lb.service',
      command: ['/a b/50%', 'exec'],
      environment: { IPVSD_SOCKET: '/run/x' },
    });
    assert.match(text, /^Environment=IPVSD_SOCKET=\/run\/x$/m);
    assert.match(text, /^ExecStart="\/a b\/50%%" exec \/lb$/m);
  });

  test('is written where systemd looks', () => {
    unit('lib/systemd/system', '[Service]\nExecStart=/lb\n');
    const dropIn = dropInFor({ root, unit: 'lb.service', command });
    writeDropIn(dropIn);
    assert.equal(readFileSync(join(root, 'etc/systemd/system/lb.service.d/ipvsd.conf'), 'utf8'), dropIn.text);
  });

  test('cannot be made for a unit that is not there, or has nothing to start', () => {
    assert.throws(starts, { code: 'BAD_CONFIG', message: /no unit lb\.service/ });
    unit('lib/systemd/system', '[Unit]\n');
    assert.throws(starts, { code: 'BAD_CONFIG', message: /no ExecStart/ });
    unit('lib/systemd/system', '[Service]\nExecStart=@/lb lb\n');
    assert.throws(starts, { code: 'BAD_CONFIG', message: /cannot be wrapped/ });
  });
});
