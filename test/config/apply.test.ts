import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { IpvsError } from '../../src/errors.js';
import { anyCommand, anyConfig, Breakable, newNamespaces, open, stateOf } from './support.js';

const apply = async (director: Awaited<ReturnType<typeof open>>, config: unknown) =>
  (await director.execute('config.apply', { text: JSON.stringify(config) })).changes;

describe('whatever is applied', () => {
  test('is what runs then: another plan of it is empty', async () => {
    await fc.assert(
      fc.asyncProperty(anyConfig, async (config) => {
        const director = await open();
        await apply(director, config);
        assert.deepEqual(await apply(director, config), []);
      }),
      { numRuns: 300 },
    );
  });

  test('A and then B is the same as B alone', async () => {
    await fc.assert(
      fc.asyncProperty(anyConfig, anyConfig, async (a, b) => {
        const both = await open();
        await apply(both, a);
        await apply(both, b);
        const alone = await open();
        await apply(alone, b);
        assert.deepEqual(await stateOf(both), await stateOf(alone));
      }),
      { numRuns: 300 },
    );
  });

  test('is applied as a whole or, when any command fails, not at all', async () => {
    await fc.assert(
      fc.asyncProperty(anyConfig, anyConfig, fc.nat(30), async (a, b, nth) => {
        const engine = new Breakable(await newNamespaces());
        const director = await open((netns) => engine.director(netns));
        await apply(director, a);
        const before = await stateOf(director);
        let left = nth;
        engine.before = () => {
          if (left-- === 0) throw new IpvsError('SYSTEM', 'the wire is cut');
        };
        try {
          await apply(director, b);
          assert.ok(left >= 0, 'it failed, and nobody was told');
        } catch (error) {
          assert.match(String(error), /the wire is cut/);
          engine.before = () => {};
          assert.deepEqual(await stateOf(director), before);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('is known to have been changed by commands', async () => {
    const commands = fc.array(anyCommand, { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(anyConfig, commands, fc.boolean(), async (config, requests, atOnce) => {
        const engine = await newNamespaces();
        const director = await open(engine);
        await apply(director, config);
        await director.execute('config.get', {});
        if (atOnce) await director.batch(requests);
        else for (const { command, args } of requests) await director.execute(command, args).catch(() => {});
        // one that has known nothing before sees what there is
        const { services } = await stateOf(await open(engine));
        assert.deepEqual((await stateOf(director)).services, services);
      }),
      { numRuns: 300 },
    );
  });
});

test('what cannot be taken back is said, and everything else is taken back', async () => {
  const engine = new Breakable(await newNamespaces());
  const director = await open((netns) => engine.director(netns));
  await apply(director, { timeouts: { tcp: 100 }, services: [] });
  let undoing = 0;
  engine.before = (name) => {
    if (name === 'service.add') undoing++;
    else if (undoing === 0 || undoing++ > 1) return;
    throw new IpvsError('SYSTEM', `${name}: cut`);
  };
  const config = { timeouts: { tcp: 200, udp: 50 }, sysctl: { am_droprate: 20 }, services: [{ fwmark: 1 }] };
  await assert.rejects(
    apply(director, config),
    /services\[0\]: service\.add: cut; what had been done could not all be taken back: timeout\.set: cut/,
  );
  const { timeouts, sysctl, services } = await stateOf(director);
  assert.deepEqual([timeouts, sysctl, services], [{ tcp: 100, udp: 50 }, {}, []]);
});

test('many changes in several namespaces are made in their order, also when there are thousands', async () => {
  const director = await open();
  const services = Array.from({ length: 3000 }, (_, i) => ({
    fwmark: i + 1,
    dests: [{ address: '10.2.0.1', port: 80 }],
  }));
  await apply(director, { services, namespaces: { blue: { services } } });
  const { namespaces, ...config } = await stateOf(director);
  assert.deepEqual([config.services?.length, namespaces?.blue?.services?.length], [3000, 3000]);
  assert.deepEqual(await apply(director, { services, namespaces: { blue: { services } } }), []);
});

test('the default namespace has no other place than the top', async () => {
  const director = await open(undefined, { settings: { netns: ['red'] } });
  await assert.rejects(
    apply(director, { namespaces: { red: {} } }),
    /1:16: namespaces\.red: this is the default namespace/,
  );
});

test('a namespace that the daemon was started with is still served when no configuration names it', async () => {
  const directors = await newNamespaces();
  await directors().execute('netns.add', { name: 'blue' });
  const director = await open(directors, { settings: { netns: ['red', 'blue'] } });
  await apply(director, { namespaces: { blue: { services: [{ fwmark: 1 }] }, green: {} } });
  await apply(director, {});
  const { namespaces } = await director.execute('config.get', {});
  assert.deepEqual(Object.keys(namespaces ?? {}), ['blue']);
  assert.deepEqual(namespaces?.blue?.services, []);
});

test('of two numbers the first may be set alone: the other stays, and nothing is left to change', async () => {
  const director = await open();
  await director.execute('config.apply', { text: 'sysctl: { sync_threshold: "5 60" }' });
  await director.execute('config.apply', { text: 'sysctl: { sync_threshold: 7 }' });
  assert.equal(await director.execute('sysctl.get', { name: 'sync_threshold' }), '7\t60');
  const { changes } = await director.execute('config.plan', { text: 'sysctl: { sync_threshold: 7 }' });
  assert.deepEqual(changes, []);
});
