import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Datapath } from '../daemon/datapath.js';
import { startWithoutPackets } from '../daemon/no-datapath.js';
import { destSpec, serviceSpec } from './fields.js';
import { findServers } from './find-servers.js';
import { destId, serviceId } from './resource-id.js';

let director: Datapath;
before(async () => {
  director = startWithoutPackets({});
  for (const [address, name] of [
    ['10.1.0.100', 'shop'],
    ['fd00:1::100', 'shop6'],
  ] as const) {
    const key = { protocol: 'tcp', address, port: 80 } as const;
    await director.execute('service.add', { service: serviceSpec.read({ ...key, name }, '') });
    for (const n of [11, 12]) {
      const server = address.includes(':') ? `fd00:2::${n}` : `10.2.0.${n}`;
      const dest = destSpec.read({ address: server, port: 80, name: `web${n}` }, '');
      await director.execute('dest.add', { service: key, dest });
    }
  }
});
after(() => director.stop());

const found = async (word: string, of?: string): Promise<string[]> =>
  (await findServers(director, word, of))
    .map(({ service, dest }) => `${destId(dest)} ${serviceId(service)}`)
    .sort();

test('a name stands for all servers that have it, in all services or in one', async () => {
  assert.deepEqual(await found('web11'), [
    '10.2.0.11:80 tcp:10.1.0.100:80',
    '[fd00:2::11]:80 tcp:[fd00:1::100]:80',
  ]);
  assert.deepEqual(await found('web11', 'shop6'), ['[fd00:2::11]:80 tcp:[fd00:1::100]:80']);
  assert.deepEqual(await found('web11', 'tcp:10.1.0.100:80'), ['10.2.0.11:80 tcp:10.1.0.100:80']);
});

test('an address stands for itself, in any spelling, with or without port', async () => {
  for (const word of ['10.2.0.12', '10.2.0.12:80']) assert.equal((await found(word)).length, 1);
  for (const word of ['fd00:2:0::0:12', '[fd00:2:0::0:12]:80']) assert.equal((await found(word)).length, 1);
});

test('what stands for nothing is refused', async () => {
  await assert.rejects(found('web13'), { code: 'DEST_NOT_FOUND' });
  await assert.rejects(found('10.2.0.12:81'), { code: 'DEST_NOT_FOUND' });
  await assert.rejects(found('web11', 'nowhere'), { code: 'SERVICE_NOT_FOUND' });
  await assert.rejects(found(':::'), { code: 'BAD_REQUEST' });
});
