import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type ClientDirector, connectDirector } from '../../src/control/client.js';
import type { ServiceSpec } from '../../src/control/command.js';
import { IpvsError } from '../../src/errors.js';
import { type Started, startDaemon, stopDaemon, temporaryFolder } from '../support/daemon.js';

const folder = temporaryFolder();
const socket = `${folder.path}/s.sock`;
const web = { protocol: 'tcp', address: '10.1.0.100', port: 80, scheduler: 'rr' } as ServiceSpec;
const webKey = { protocol: 'tcp', address: '10.1.0.100', port: 80 } as const;
let daemon: Started;
let director: ClientDirector;

before(async () => {
  daemon = await startDaemon(socket);
  director = connectDirector({ socket });
});
after(async () => {
  director.close();
  await stopDaemon(daemon);
  folder.remove();
});

describe('a client of the daemon is a director', () => {
  test('commands are carried out there', async () => {
    assert.equal(await director.execute('service.add', { service: web }), null);
    assert.equal((await director.execute('service.get', { service: webKey })).scheduler, 'rr');
    assert.equal(await director.execute('sysctl.get', { name: 'am_droprate' }), '10');
    assert.match(await director.execute('proc', { name: 'ip_vs' }), /\nTCP {2}0A010064:0050 rr/);
  });

  test('errors are those of the daemon', async () => {
    await assert.rejects(director.execute('service.add', { service: web }), {
      name: 'IpvsError',
      code: 'SERVICE_EXISTS',
      errno: 'EEXIST',
      message: 'Service already exists',
      field: undefined,
    });
    await assert.rejects(director.execute('service.add', { service: { ...web, port: 70000 } }), {
      code: 'BAD_REQUEST',
      message: 'service.port: 70000 is not a port (0..65535)',
      field: 'service.port',
    });
    await assert.rejects(director.execute('a/../b' as 'info', {}), { code: 'BAD_REQUEST', field: 'command' });
  });

  test('many commands at once keep to themselves', async () => {
    const ports = Array.from({ length: 200 }, (_, i) => 1000 + i);
    await Promise.all(ports.map((port) => director.execute('service.add', { service: { ...web, port } })));
    const found = await Promise.all(
      ports.map((port) => director.execute('service.get', { service: { ...webKey, port } })),
    );
    assert.deepEqual(
      found.map((entry) => 'port' in entry && entry.port),
      ports,
    );
  });

  test('a batch ends at the first error', async () => {
    const { results, error } = await director.batch([
      { command: 'timeout.get', args: {} },
      { command: 'dest.list', args: { service: { ...webKey, protocol: 'udp' } } },
      { command: 'flush', args: {} },
    ]);
    assert.deepEqual(results, [{ tcp: 900, tcpFin: 120, udp: 300 }]);
    assert.equal(error?.code, 'SERVICE_NOT_FOUND');
    assert.deepEqual(await director.batch([{ command: 'sysctl.get', args: { name: 'am_droprate' } }]), {
      results: ['10'],
    });
    await assert.rejects(director.batch([{} as never]), { code: 'BAD_REQUEST', field: 'batch[0].command' });
  });
});

describe('when nobody answers', () => {
  const refused = async (path: string) => {
    const client = connectDirector({ socket: path });
    try {
      await client.execute('info', {});
    } catch (error) {
      assert.ok(error instanceof IpvsError);
      return error;
    } finally {
      client.close();
    }
    assert.fail('somebody answered');
  };

  test('the error says how to start one', async () => {
    const error = await refused('/nonexistent/s.sock');
    assert.equal(error.code, 'NO_DAEMON');
    assert.equal(error.errno, 'ECONNREFUSED');
    assert.equal(
      error.message,
      'the ipvsd daemon does not answer at /nonexistent/s.sock (is it running? "ipvsd run" starts it)',
    );
  });

  test('also when somebody else does', async () => {
    const other = createServer((connection) => connection.resume().end('SSH-2.0\r\n'));
    const path = `${folder.path}/other.sock`;
    await new Promise<void>((resolve) => other.listen(path, resolve));
    assert.equal((await refused(path)).code, 'NO_DAEMON');
    await new Promise((resolve) => other.close(resolve));
  });
});
