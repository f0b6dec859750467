import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { temporaryFolder } from '../../test/support/daemon.js';
import { DownServers } from './down-servers.js';

const folder = temporaryFolder();
after(folder.remove);
const service = { protocol: 'tcp', address: '10.1.0.100', port: 80 } as const;
const server = (n: number) => ({ address: `10.2.0.${n}`, port: 80 });
const open = (path: string) => new DownServers(path, (error) => assert.fail(String(error)));

test('servers that are down are known to the next daemon, until they are up or checked no longer', async () => {
  const path = `${folder.path}/state/x.health`;
  const first = open(path);
  for (const n of [1, 2, 3]) first.note(service, server(n), false);
  first.note(service, server(2), true);
  await turn();
  const second = open(path);
  assert.deepEqual(
    [1, 2].map((n) => second.wasDown(service, server(n))),
    [true, false],
  );
  assert.equal(second.wasDown({ ...service, port: 81 }, server(1)), false);
  second.note(service, server(4), false);
  await turn();
  const third = open(path);
  assert.deepEqual(
    [1, 3, 4].map((n) => third.wasDown(service, server(n))),
    [true, false, true],
  );
});

test('when none is down, there is no file', async () => {
  const path = `${folder.path}/y.health`;
  const servers = open(path);
  servers.note(service, server(1), false);
  await turn();
  assert.ok(existsSync(path));
  servers.note(service, server(1), true);
  await turn();
  assert.equal(existsSync(path), false);
});

test('a file that is none says nothing', () => {
  const path = `${folder.path}/broken`;
  for (const text of ['', '{', '{}', '[1]']) {
    writeFileSync(path, text);
    assert.equal(open(path).wasDown(service, server(1)), false);
  }
  assert.equal(readFileSync(path, 'utf8'), '[1]');
});

test('one that cannot be written is told of', async () => {
  const errors: unknown[] = [];
  writeFileSync(`${folder.path}/file`, '');
  new DownServers(`${folder.path}/file/x`, (error) => errors.push(error)).note(service, server(1), false);
  await turn();
  assert.equal(errors.length, 1);
});
