import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF } from '../linux/seccomp.js';
import { type SyscallName, syscallTable } from '../linux/syscalls.js';
import { execFilter } from './filter.js';

const AT_FDCWD = -100;

/** A machine for classic BPF, as far as filters use it. */
function evaluate(program: Uint8Array, data: DataView): number {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  let accumulator = 0;
  for (let i = 0; ; i++) {
    const [code, yes, no, operand] = [
      view.getUint16(8 * i, true),
      view.getUint8(8 * i + 2),
      view.getUint8(8 * i + 3),
      view.getUint32(8 * i + 4, true),
    ];
    if (code === 0x20) accumulator = data.getUint32(operand, true);
    else if (code === 0x05) i += operand;
    else if (code === 0x15) i += accumulator === operand ? yes : no;
    else if (code === 0x35) i += accumulator >= operand ? yes : no;
    else if (code === 0x45) i += (accumulator & operand) !== 0 ? yes : no;
    else if (code === 0x06) return operand;
    else throw new Error(`instruction ${i}: code ${code}`);
  }
}

for (const machine of ['x64', 'arm64']) {
  const table = syscallTable(machine)!;
  const filter = execFilter(table);

  const decide = (nr: number, args: readonly number[], arch = table.arch): number => {
    const data = new DataView(new ArrayBuffer(64));
    data.setInt32(0, nr, true);
    data.setUint32(4, arch, true);
    args.forEach((value, i) => {
      data.setBigInt64(16 + 8 * i, BigInt(value), true);
    });
    return evaluate(filter, data);
  };

  describe(`the filter for ${machine}`, () => {
    const rows: readonly [SyscallName, readonly number[], boolean, string][] = [
      ['socket', [16, 3, 16], true, 'generic netlink'],
      ['socket', [16, 3, 0], false, 'rtnetlink'],
      ['socket', [2, 1, 16], false, 'no netlink'],
      ['sendmsg', [959, 0, 0], false, 'a descriptor below ours'],
      ['sendmsg', [960, 0, 0], true, 'ours'],
      ['sendto', [1023, 0, 0], true, 'our last'],
      ['write', [1024, 0, 0], false, 'one beyond'],
      ['write', [-1, 0, 0], false, 'none'],
      ['recvmsg', [1007, 0, 0], false, 'ours, received natively'],
      ['recvfrom', [1008, 0, 0], true, 'ours, with another sender'],
      ['setsockopt', [5, 0, 1151], false, 'an option before those of IPVS'],
      ['setsockopt', [5, 0, 1152], true, 'the first'],
      ['setsockopt', [5, 0, 1167], true, 'the last'],
      ['setsockopt', [5, 0, 1168], false, 'the next'],
      ['setsockopt', [5, 1, 1154], false, 'of another level'],
      ['getsockopt', [5, 0, 1159], true, 'the last to get'],
      ['getsockopt', [5, 0, 1160], false, 'the next'],
      ['openat', [AT_FDCWD, 0, 0], true, 'a path'],
      ['openat', [7, 0, 0], false, 'a path below a descriptor'],
      ['newfstatat', [AT_FDCWD, 0, 0, 0], true, 'a path'],
      ['newfstatat', [AT_FDCWD, 0, 0, 0x1000], false, 'a descriptor'],
      ['statx', [AT_FDCWD, 0, 0, 0], true, 'a path'],
      ['statx', [AT_FDCWD, 0, 0x1000, 0], false, 'a descriptor'],
      ['execve', [0, 0, 0], true, 'a program'],
      ['pidfd_open', [0, 0, 0], false, 'a call that is not filtered'],
    ];
    for (const [name, args, notified, why] of rows) {
      test(`${notified ? 'hands over' : 'lets pass'} ${name}(${args.join(', ')}): ${why}`, () => {
        const expected = notified ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
        assert.equal(decide(table.numbers[name]!, args), expected);
      });
    }

    test('lets calls of another machine pass', () => {
      assert.equal(decide(table.numbers.execve!, [], 0x40000003), SECCOMP_RET_ALLOW);
    });
  });
}
