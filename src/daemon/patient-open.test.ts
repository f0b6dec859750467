import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IpvsError } from '../errors.js';
import { startWithoutPackets } from './no-datapath.js';
import { patiently } from './patient-open.js';

describe('opening a namespace', () => {
  test('waits for another daemon that only repairs it', async () => {
    let held = 3;
    const open = patiently(async () => {
      if (held-- > 0) throw new IpvsError('ALREADY_SERVED');
      return startWithoutPackets({});
    });
    await (await open('blue')).stop();
    assert.equal(held, -1);
  });

  test('fails when it stays held, and at once for any other reason', async () => {
    for (const code of ['ALREADY_SERVED', 'NO_NETNS'] as const) {
      const failing = patiently(() => Promise.reject(new IpvsError(code)));
      await assert.rejects(failing('blue'), { code });
    }
  });
});
