import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readMetrics } from '../../../test/support/openmetrics.js';
import { uncheckedDirector } from '../../daemon/checked-datapath.js';
import { startWithoutPackets } from '../../daemon/no-datapath.js';
import type { Director } from '../command.js';
import { healthSpec } from '../health-fields.js';
import { createApi } from '../http/api.js';
import { exposition, type MetricsFormat } from './exposition.js';
import { takeSnapshot } from './snapshot.js';

async function withDirector(use: (director: Director) => Promise<void>): Promise<void> {
  const director = startWithoutPackets({ connLimit: 1000 });
  try {
    await use(director);
  } finally {
    await director.stop();
  }
}

const dest = (address: string, port: number, weight: number) =>
  ({ address, port, forward: 'masq', weight, uThreshold: 0, lThreshold: 0 }) as const;
const spec = { scheduler: 'wlc', flags: [], timeout: 0, netmask: '255.255.255.255' };

async function text(
  director: Director,
  format: MetricsFormat,
  names = [''],
  backends = true,
): Promise<string> {
  const snapshots = await Promise.all(names.map((name) => takeSnapshot(director, name)));
  let out = '';
  for await (const piece of exposition(snapshots, format, backends)) out += piece;
  return out;
}

describe('metrics', () => {
  for (const format of ['prometheus', 'openmetrics'] as const) {
    test(`are ${format} text by the book, whatever services there are`, () =>
      withDirector(async (director) => {
        const services = fc.uniqueArray(
          fc.record({
            protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
            address: fc.constantFrom('10.1.0.100', '10.1.0.101', 'fd00:1::100'),
            port: fc.constantFrom(80, 443, 53),
            weights: fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 4 }),
          }),
          { selector: ({ protocol, address, port }) => `${protocol} ${address} ${port}`, maxLength: 8 },
        );
        await fc.assert(
          fc.asyncProperty(services, fc.string({ minLength: 1, maxLength: 5 }), async (all, netns) => {
            await director.execute('flush', {});
            for (const family of ['inet', 'inet6'] as const) {
              const netmask = family === 'inet' ? '255.255.255.255' : '128';
              await director.execute('service.add', { service: { ...spec, netmask, fwmark: 7, family } });
            }
            for (const { weights, ...key } of all) {
              const netmask = key.address.includes(':') ? '128' : '255.255.255.255';
              await director.execute('service.add', { service: { ...spec, ...key, netmask } });
              const prefix = key.address.includes(':') ? 'fd00:2::' : '10.2.0.';
              for (const [i, weight] of weights.entries()) {
                await director.execute('dest.add', {
                  service: key,
                  dest: dest(`${prefix}${11 + i}`, 80, weight),
                });
              }
            }
            const found = readMetrics(
              await text(director, format, ['', `n"\\${netns}`]),
              format === 'openmetrics',
            );
            const servers = all.flatMap(({ weights }) => weights);
            const total = (name: string) =>
              found.get(name)!.samples.reduce((sum, { value }) => sum + value, 0);
            assert.equal(found.get('ipvsd_service_backends')!.samples.length, 2 * (all.length + 2));
            assert.equal(total('ipvsd_service_backends'), 2 * servers.length);
            assert.equal(total('ipvsd_backend_weight'), 2 * servers.reduce((a, b) => a + b, 0));
            assert.equal(total('ipvsd_services'), 2 * (all.length + 2));
          }),
          { numRuns: 25 },
        );
      }));
  }

  test('tell connections by state, and leave out real servers when asked', () =>
    withDirector(async (director) => {
      const service = { protocol: 'tcp', address: '10.1.0.100', port: 80 } as const;
      await director.execute('service.add', { service: { ...spec, ...service } });
      await director.execute('dest.add', { service, dest: dest('10.2.0.11', 80, 1) });
      const whole = readMetrics(await text(director, 'prometheus'), false);
      assert.equal(whole.get('ipvsd_backend_weight')!.samples.length, 1);
      assert.equal(whole.get('ipvsd_connection_table_limit')!.samples[0]!.value, 1000);
      const short = await text(director, 'prometheus', [''], false);
      assert.doesNotMatch(short, /ipvsd_backend/);
    }));

  test('tell the health of real servers, where it is checked', () =>
    withDirector(async (engine) => {
      const director = uncheckedDirector(engine);
      const service = { protocol: 'tcp', address: '10.1.0.100', port: 80 } as const;
      await director.execute('service.add', { service: { ...spec, ...service } });
      await director.execute('dest.add', { service, dest: dest('10.2.0.11', 80, 7) });
      const checks = [{ type: 'tcp' }, { type: 'tcp', start: 'down' }];
      await director.execute('health.set', { service, health: healthSpec.read({ checks }, '') });
      const whole = readMetrics(await text(director, 'openmetrics'), true);
      const of = (name: string) => whole.get(name)!.samples.map(({ value }) => value);
      assert.deepEqual(of('ipvsd_check_up'), [1, 0]);
      assert.deepEqual(of('ipvsd_backend_up'), [0]);
      assert.deepEqual(of('ipvsd_backend_configured_weight'), [7]);
      assert.deepEqual(of('ipvsd_backend_weight'), [0]);
      // what commands bring about is given a second: more of them may come
      assert.deepEqual(of('ipvsd_service_quorum_reached'), [1]);
    }));

  test('have the names of services and servers, and their labels apart', () =>
    withDirector(async (director) => {
      const service = { protocol: 'tcp', address: '10.1.0.100', port: 80 } as const;
      const labels = { team: 'a"b', zone: '$1' };
      await director.execute('service.add', { service: { ...spec, ...service, name: 'shop', labels } });
      await director.execute('dest.add', {
        service,
        dest: { ...dest('10.2.0.11', 80, 1), name: 'web1', labels: { rack: '7' } },
      });
      const found = readMetrics(await text(director, 'prometheus'), false);
      const labelsOf = (name: string) => Object.fromEntries(found.get(name)!.samples[0]!.labels);
      assert.equal(labelsOf('ipvsd_service_backends').service, 'shop');
      assert.equal(labelsOf('ipvsd_backend_weight').server, 'web1');
      const info = labelsOf('ipvsd_service_info');
      assert.deepEqual([info.service, info.label_team, info.label_zone], ['shop', 'a"b', '$1']);
      assert.equal(labelsOf('ipvsd_backend_info').label_rack, '7');
    }));

  test('the API answers with the format that is asked for', () =>
    withDirector(async (director) => {
      const api = await createApi({
        director: () => director,
        ready: () => true,
        onFault: (error) => assert.fail(String(error)),
      });
      const plain = await api.inject({ url: '/metrics' });
      assert.match(String(plain.headers['content-type']), /^text\/plain; version=0\.0\.4/);
      readMetrics(plain.body, false);
      const accept = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.1';
      const open = await api.inject({ url: '/metrics?backends=0', headers: { accept } });
      assert.match(String(open.headers['content-type']), /^application\/openmetrics-text; version=1\.0\.0/);
      readMetrics(open.body, true);
      await api.close();
    }));
});
