import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lastErrno } from '../../src/linux/errno.js';
import { closeFd } from '../../src/linux/fd.js';
import { libc } from '../../src/linux/libc.js';
import { sendUnixDatagram } from '../../src/linux/unix-datagram.js';
import { startDaemon, stopDaemon, temporaryFolder, until } from '../support/daemon.js';

/** A service manager's socket: what was told to it. */
function listen(path: string): { received(): string[]; close(): void } {
  const fd = libc.socket(1, 2, 0);
  const name = new TextEncoder().encode(path);
  const address = new Uint8Array(2 + name.length + 1);
  address[0] = 1;
  address.set(name, 2);
  if (path.startsWith('@')) address[2] = 0;
  const length = path.startsWith('@') ? 2 + name.length : address.length;
  assert.equal(libc.bind(fd, address, length), 0, `bind ${path}: ${lastErrno()}`);
  const buffer = new Uint8Array(4096);
  const all: string[] = [];
  return {
    received() {
      for (;;) {
        const size = libc.recv(fd, buffer, buffer.length, 0x40 /* MSG_DONTWAIT */);
        if (size < 0) return all;
        all.push(new TextDecoder().decode(buffer.subarray(0, size)));
      }
    },
    close: () => closeFd(fd),
  };
}

describe('datagrams to a unix socket', () => {
  const folder = temporaryFolder();
  for (const path of [`${folder.path}/d.sock`, `@ipvsd-test-${process.pid}`]) {
    test(path.startsWith('@') ? 'in the abstract namespace' : 'by its path', () => {
      const receiver = listen(path);
      sendUnixDatagram(path, new TextEncoder().encode('hello'));
      sendUnixDatagram(path, new Uint8Array(0));
      assert.deepEqual(receiver.received(), ['hello', '']);
      receiver.close();
    });
  }
  test('to nobody, or to no possible path', () => {
    assert.throws(() => sendUnixDatagram(`${folder.path}/none`, new Uint8Array(1)), {
      code: 'SYSTEM',
      message: /ENOENT/,
    });
    assert.throws(() => sendUnixDatagram('x'.repeat(108), new Uint8Array(1)), { code: 'INVALID' });
    assert.throws(() => sendUnixDatagram('', new Uint8Array(1)), { code: 'INVALID' });
    folder.remove();
  });
});

describe('a service manager', () => {
  test('is told of readiness, life and the end', async () => {
    const folder = temporaryFolder();
    const path = `${folder.path}/notify`;
    const manager = listen(path);
    const daemon = await startDaemon(`${folder.path}/s.sock`, [], {
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: '100000',
    });
    await until(() => manager.received().includes('WATCHDOG=1'), 'watchdog');
    assert.equal(manager.received()[0], `READY=1\nMAINPID=${daemon.child.pid}`);
    assert.equal((await stopDaemon(daemon)).code, 0);
    assert.equal(manager.received().at(-1), 'STOPPING=1');
    manager.close();
    folder.remove();
  });

  test('is not told of life when it asked another process', async () => {
    const folder = temporaryFolder();
    const path = `${folder.path}/notify`;
    const manager = listen(path);
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '2000', WATCHDOG_PID: '1' };
    await stopDaemon(await startDaemon(`${folder.path}/s.sock`, [], env));
    assert.equal(manager.received().includes('WATCHDOG=1'), false);
    manager.close();
    folder.remove();
  });

  test('that is gone does not disturb the daemon', async () => {
    const folder = temporaryFolder();
    const daemon = await startDaemon(`${folder.path}/s.sock`, [], { NOTIFY_SOCKET: `${folder.path}/none` });
    const { code, stderr } = await stopDaemon(daemon);
    assert.equal(code, 0);
    assert.match(stderr, /WARN {2}service manager not told error="IpvsError: sendto\(.*ENOENT"/);
    folder.remove();
  });
});
