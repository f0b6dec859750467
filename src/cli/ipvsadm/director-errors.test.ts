import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CommandName, Director } from '../../control/command.js';
import { type ErrorCode, IpvsError } from '../../errors.js';
import { errorText } from './director-errors.js';
import { namesFrom } from './name-files.js';
import { runIpvsadm } from './run.js';

function refusing(code: ErrorCode, detail?: string): Director {
  return {
    execute: async () => {
      throw new IpvsError(code, detail);
    },
  };
}

async function outcome(line: string, director: Director, stdin = '') {
  let stderr = '';
  const io = {
    stdin: async () => stdin,
    stdout: () => {},
    stderr: (text: string) => {
      stderr += text;
    },
    resolver: namesFrom('', ''),
  };
  const rc = await runIpvsadm(line.split(' '), io, director);
  return { rc, stderr };
}

describe('errors of the director', () => {
  const texts: [CommandName, ErrorCode, string][] = [
    ['service.add', 'SERVICE_EXISTS', 'Service already exists'],
    ['service.add', 'SCHEDULER_NOT_FOUND', 'Scheduler or persistence engine not found'],
    ['service.edit', 'PE_NOT_FOUND', 'Scheduler or persistence engine not found'],
    ['service.edit', 'SERVICE_NOT_FOUND', 'No such service'],
    ['service.delete', 'SERVICE_NOT_FOUND', 'No such service'],
    ['zero', 'SERVICE_NOT_FOUND', 'No such service'],
    ['service.get', 'SERVICE_NOT_FOUND', 'No such service'],
    ['dest.list', 'SERVICE_NOT_FOUND', 'No such service'],
    ['dest.add', 'SERVICE_NOT_FOUND', 'Service not defined'],
    ['dest.edit', 'SERVICE_NOT_FOUND', 'Service not defined'],
    ['dest.delete', 'SERVICE_NOT_FOUND', 'Service not defined'],
    ['dest.add', 'DEST_EXISTS', 'Destination already exists'],
    ['dest.edit', 'DEST_NOT_FOUND', 'No such destination'],
    ['dest.delete', 'DEST_NOT_FOUND', 'No such destination'],
    ['dest.add', 'OUT_OF_RANGE', 'Numerical result out of range'],
    ['dest.add', 'INVALID', 'Invalid operation.  Possibly wrong module version, address not unicast, ...'],
    ['daemon.start', 'DAEMON_RUNNING', 'Daemon has already run'],
    ['daemon.start', 'NO_DEVICE', 'No such device'],
    ['daemon.stop', 'DAEMON_NOT_RUNNING', 'No daemon is running'],
    ['flush', 'NO_MEMORY', 'Memory allocation problem'],
    ['flush', 'NOT_SUPPORTED', 'Operation not supported with IPv6'],
    ['flush', 'FAMILY_NOT_SUPPORTED', 'Operation not supported with specified address family'],
    ['flush', 'SYSTEM', 'A system call failed'],
  ];
  for (const [command, code, text] of texts) {
    test(`${command}: ${code} is "${text}"`, () =>
      assert.equal(errorText(command, new IpvsError(code)), text));
  }

  test('end a change with 255 and a listing with 1', async () => {
    const director = refusing('SERVICE_NOT_FOUND');
    assert.deepEqual(await outcome('-D -f 1', director), { rc: 255, stderr: 'No such service\n' });
    assert.deepEqual(await outcome('-L -f 1', director), { rc: 1, stderr: 'No such service\n' });
  });

  test('let -R go on, unless it was a listing', async () => {
    const director = refusing('SERVICE_NOT_FOUND');
    const twice = { rc: 255, stderr: 'No such service\nNo such service\n' };
    assert.deepEqual(await outcome('-R', director, '-D -f 1\n-D -f 2\n'), twice);
    assert.deepEqual(await outcome('-R', director, '-L -f 1\n-D -f 2\n'), {
      rc: 1,
      stderr: 'No such service\n',
    });
  });

  test('that nobody answers, or not to this user, end the program with 2', async () => {
    const down = await outcome('-R', refusing('NO_DAEMON', 'nobody at /run/x'), '-C\n-C\n');
    assert.deepEqual(down, { rc: 2, stderr: "Can't initialize ipvs: nobody at /run/x\n" });
    const denied = await outcome('-C', refusing('NOT_PERMITTED'));
    assert.equal(denied.rc, 2);
    assert.equal(
      denied.stderr,
      "Can't initialize ipvs: Permission denied (you must be root)\n" +
        'Are you sure that IP Virtual Server is built in the kernel or as module?\n',
    );
  });

  test('that are none of its own are thrown on', async () => {
    const broken: Director = { execute: () => Promise.reject(new TypeError('a fault')) };
    await assert.rejects(outcome('-C', broken), TypeError);
  });
});
