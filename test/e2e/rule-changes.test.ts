/** A thousand changes of rules under load: when a command has returned, what it forbids does not happen any more. */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FAMILIES, METHODS } from '../../demo/layout.js';
import { rootOnly } from '../support/require-root.js';
import { CarryingLab, FORWARD, key } from './carrying-lab.js';
import { script } from './script.js';
import type { Arrived } from './stamped.js';

const PORT = 9;
/** Changes, in both families and by all methods together. */
const CHANGES = 1000;
/** How long each holds, ms: some ten datagrams from each of eight ports. */
const HOLDS = 5;

/** What may not be between two moments, microseconds. */
interface Closed {
  readonly from: number;
  readonly to: number;
  /** Flows that began before may go on. */
  readonly newOnly: boolean;
}

const now = (): number => Number(process.hrtime.bigint() / 1000n);

describe('rules that change under load', rootOnly('sysctl'), () => {
  const lab = new CarryingLab('rules');
  const { net } = lab;

  before(async () => {
    await lab.build();
    await lab.start();
  });
  afterEach(() => lab.datapath.execute('flush', {}));
  after(() => lab.close());

  for (const family of FAMILIES) {
    for (const { name, vip: number } of METHODS) {
      it(`no packet comes to a server by ${name} over ${family.name} that a command has taken away`, async () => {
        const vip = family.vip(number);
        const service = key('udp', vip, PORT);
        const forward = FORWARD[name]!;
        const removed = { address: family.server(1), port: PORT };
        const dest = { ...removed, forward, weight: 1, uThreshold: 0, lThreshold: 0 };
        const servers = [family.server(1), family.server(2)];
        await lab.add(service, forward, servers);

        const serving = await Promise.all(
          ['server1', 'server2'].map((host) =>
            net.start(host, process.execPath, script('stamped'), 'serve', String(PORT)),
          ),
        );
        const arriving = serving.map(async ({ stdout }) => JSON.parse(await text(stdout!)) as Arrived[]);
        const asking = await net.start(
          'client',
          process.execPath,
          script('stamped'),
          'ask',
          vip,
          String(PORT),
        );
        await sleep(200);

        const closed: Closed[] = [];
        const ways: readonly (readonly [() => Promise<unknown>, () => Promise<unknown>, boolean])[] = [
          [
            () => lab.datapath.execute('dest.delete', { service, dest: removed }),
            () => lab.datapath.execute('dest.add', { service, dest }),
            false,
          ],
          [
            () => lab.datapath.execute('dest.edit', { service, dest: { ...dest, weight: 0 } }),
            () => lab.datapath.execute('dest.edit', { service, dest }),
            true,
          ],
          [
            () => lab.datapath.execute('service.delete', { service }),
            () => lab.add(service, forward, servers),
            false,
          ],
        ];
        for (let change = 0; change < CHANGES / 6; change += 2) {
          const [close, open, newOnly] = ways[(change / 2) % ways.length]!;
          await close();
          const from = now();
          await sleep(HOLDS);
          closed.push({ from, to: now(), newOnly });
          await open();
          await sleep(HOLDS);
        }

        asking.kill();
        await sleep(200);
        for (const child of serving) child.kill();
        const [first, second] = await Promise.all(arriving);
        const wrong = first!.filter(([opened, sent, read]) =>
          closed.some(({ from, to, newOnly }) => (newOnly ? opened : sent) > from && read < to),
        );
        assert.deepEqual(wrong, []);
        // and it was asked all the time
        assert.ok(first!.length > 500 && second!.length > 500, `${first!.length} and ${second!.length}`);
        const during = second!.filter(([, sent]) => closed.some(({ from, to }) => sent > from && sent < to));
        assert.ok(during.length > 100, `${during.length} while it was closed`);
      });
    }
  }
});
