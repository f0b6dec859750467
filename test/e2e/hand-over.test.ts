/** First packets by the ring buffer and by the TUN device at once, with real packets. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../demo/lab.js';
import { FAMILIES, IPV4 } from '../../demo/layout.js';
import { rootOnly } from '../support/require-root.js';
import { CarryingLab, key, PORTS } from './carrying-lab.js';
import { script } from './script.js';

const SOCKETS = 20;

describe('what is handed over', rootOnly('sysctl'), () => {
  const lab = new CarryingLab('over');

  before(async () => {
    await lab.build();
    await lab.start();
  });
  afterEach(() => lab.datapath.execute('flush', {}));
  after(() => lab.close());

  for (const family of FAMILIES) {
    it(`keeps its order among what takes the device over ${family.name}`, async () => {
      const vip = family.vip(2);
      const netmask = family === IPV4 ? '255.255.255.255' : '128';
      const service = key('udp', vip, PORTS.echo);
      // nothing of it is ever carried
      await lab.datapath.execute('service.add', {
        service: { ...service, scheduler: 'rr', flags: ['ops'], timeout: 0, netmask },
      });
      const dest = { address: family.server(1), port: PORTS.echo, forward: 'route', weight: 1 } as const;
      await lab.datapath.execute('dest.add', { service, dest: { ...dest, uThreshold: 0, lThreshold: 0 } });
      const before = await lab.datapath.counters();
      const args = [script('udp-order'), vip, PORTS.echo, SOCKETS, 6].map(String);
      // of many at once the first one wakes the engine, and others find it awake; their checksums, which the client has left open, are completed
      await eventually('nothing was handed over', 60, async () => {
        // fragments of the last time keep the client's flows to the device for a second
        await sleep(1500);
        const { printed } = lab.net.collect('client', process.execPath, ...args);
        assert.deepEqual(
          JSON.parse(await printed),
          Array.from({ length: SOCKETS }, () => [0, 1, 2, 3, 4, 5]),
        );
        const after = await lab.datapath.counters();
        assert.ok(after.fragments > before.fragments && after.handedOver > before.handedOver);
      });
    });
  }
});
