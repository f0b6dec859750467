import assert from 'node:assert/strict';
import { existsSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { savedText, saveTo } from '../../src/cli/config/save.js';
import { temporaryFolder } from '../support/daemon.js';
import { anyConfig, open, stateOf } from './support.js';

const folder = temporaryFolder();
after(folder.remove);
const path = `${folder.path}/ipvsd.yaml`;

/** A director that has what `text` says. */
async function running(text: string) {
  const director = await open();
  await director.execute('config.apply', { text });
  return director;
}

const ORIGINAL = `# the balancers of the north
connLimit: 5000   # enough
sysctl:
  drop_entry: 0   # explicit
services:
  # the shop
  - protocol: tcp
    address: 10.1.0.100   # shop.example
    port: 80
    scheduler: wlc
    dests:
      # left
      - { address: 10.2.0.11, port: 80, forward: masq, weight: 2 }   # new disk
      - { address: 10.2.0.12, port: 80, forward: masq }
  # the mail
  - fwmark: 7
    scheduler: rr
`;

describe('what runs is written into a file', () => {
  test('that is not there: as a configuration', async () => {
    const file = `${folder.path}/new.yaml`;
    await saveTo(await running(ORIGINAL), file);
    assert.equal(
      readFileSync(file, 'utf8'),
      `vips: []
sync: []
services:
  - protocol: tcp
    address: 10.1.0.100
    port: 80
    scheduler: wlc
    dests:
      - { address: 10.2.0.11, port: 80, forward: masq, weight: 2 }
      - { address: 10.2.0.12, port: 80, forward: masq }
  - fwmark: 7
    scheduler: rr
`,
    );
  });

  test('that is there: only what differs is changed, comments stay', async () => {
    const director = await running(ORIGINAL);
    const service = { protocol: 'tcp', address: '10.1.0.100', port: 80 } as const;
    const dest = {
      address: '10.2.0.11',
      port: 80,
      forward: 'masq',
      weight: 9,
      uThreshold: 0,
      lThreshold: 0,
    } as const;
    await director.execute('dest.edit', { service, dest });
    await director.execute('dest.delete', { service, dest: { address: '10.2.0.12', port: 80 } });
    await director.execute('dest.add', { service, dest: { ...dest, address: '10.2.0.13', weight: 1 } });
    await director.execute('service.edit', {
      service: { ...service, scheduler: 'sh', flags: ['flag-2'], timeout: 0, netmask: '255.255.255.255' },
    });
    await director.execute('service.delete', { service: { fwmark: 7, family: 'inet' } });
    await director.execute('sysctl.set', { name: 'am_droprate', value: '20' });
    writeFileSync(path, ORIGINAL);
    await saveTo(director, path);
    assert.equal(
      readFileSync(path, 'utf8'),
      `# the balancers of the north
connLimit: 5000 # enough
sysctl:
  drop_entry: 0 # explicit
  am_droprate: 20
services:
  # the shop
  - protocol: tcp
    address: 10.1.0.100 # shop.example
    port: 80
    scheduler: sh
    dests:
      # left
      - { address: 10.2.0.11, port: 80, forward: masq, weight: 9 } # new disk
      - { address: 10.2.0.13, port: 80, forward: masq }
    flags: [ flag-2 ]
`,
    );
  });

  test('with a timeout that was implied by persistence, once there is none', async () => {
    const director = await running('services: [{ fwmark: 1, timeout: 360 }]');
    writeFileSync(path, 'services: [{ fwmark: 1, flags: [persistent] }]\n');
    await saveTo(director, path);
    assert.equal(readFileSync(path, 'utf8'), 'services: [ { fwmark: 1, flags: [], timeout: 360 } ]\n');
  });

  test('by its link, with its mode', async () => {
    writeFileSync(path, 'services: []\n', { mode: 0o640 });
    const link = `${folder.path}/link.yaml`;
    symlinkSync(path, link);
    await saveTo(await running(ORIGINAL), link);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.match(readFileSync(path, 'utf8'), /fwmark: 7/);
    assert.equal(existsSync(`${path}.new`), false);
    assert.equal(statSync(path).mode & 0o777, statSync(link).mode & 0o777);
  });

  test('that is broken: it is left alone', async () => {
    writeFileSync(path, 'services: [');
    await assert.rejects(saveTo(await running(ORIGINAL), path), { code: 'BAD_CONFIG' });
    assert.equal(readFileSync(path, 'utf8'), 'services: [');
  });

  test('with aliases: what they stand for is not changed behind other places’ back', async () => {
    const text = `services:
  - { fwmark: 1, dests: &servers [{ address: 10.2.0.1, port: 80 }] }
  - { fwmark: 2, dests: *servers }
`;
    const director = await running(text);
    await director.execute('dest.delete', {
      service: { fwmark: 2, family: 'inet' },
      dest: { address: '10.2.0.1', port: 80 },
    });
    writeFileSync(path, text);
    await assert.rejects(saveTo(director, path), /dests is an alias of another part of the text/);
    assert.equal(readFileSync(path, 'utf8'), text);
  });
});

describe('whatever runs', () => {
  test('saved and applied to another director, is the same there; to this one, changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(anyConfig, async (config) => {
        const director = await running(JSON.stringify(config));
        const text = await savedText(director);
        assert.deepEqual(await stateOf(await running(text)), await stateOf(director));
        assert.deepEqual((await director.execute('config.plan', { text })).changes, []);
      }),
      { numRuns: 300 },
    );
  });

  test('saved into any file, is what that file says then', async () => {
    await fc.assert(
      fc.asyncProperty(anyConfig, anyConfig, async (runs, says) => {
        const director = await running(JSON.stringify(runs));
        writeFileSync(path, stringify(says));
        await saveTo(director, path);
        const text = readFileSync(path, 'utf8');
        assert.deepEqual((await director.execute('config.plan', { text })).changes, [], text);
        assert.deepEqual(await stateOf(await running(text)), await stateOf(director), text);
      }),
      { numRuns: 300 },
    );
  });
});
