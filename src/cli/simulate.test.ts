import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Outcome } from '../datapath/scenario/format.js';
import { simulate } from './simulate.js';

/** One server behind another topology's address; a datagram to it, another to a port that nobody has. */
const SCENARIO = {
  topology: {
    interfaces: [
      { name: 'eth0', mac: '02:00:00:00:00:01', addresses: ['192.0.2.1/24'] },
      { name: 'eth1', mac: '02:00:00:00:00:02', addresses: ['10.0.0.1/24'] },
    ],
    vips: ['10.1.0.100'],
    hosts: [
      { name: 'client', interface: 'eth0', mac: '02:01:00:00:00:05', addresses: ['10.1.0.10'] },
      { name: 'web', interface: 'eth1', mac: '02:02:00:00:00:0b', addresses: ['10.0.0.11'] },
    ],
    routes: ['10.1.0.0/24 dev eth0'],
  },
  rules: ['-A -u 10.1.0.100:81 -s rr', '-a -u 10.1.0.100:81 -r 10.0.0.11:81 -g'],
  events: [
    { at: 0.1, packet: '4500001f123440004011142b0a01000a0a01006403e80051000b0000616263' },
    { at: 0.2, packet: '4500001f123440004011142b0a01000a0a01006403e80052000b0000616263' },
    { at: 2.5, dump: ['ipvsadm -Ln --stats', 'nosuch'] },
  ],
};

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'simulate-'));
  writeFileSync(join(folder, 'two.json'), JSON.stringify(SCENARIO));
  writeFileSync(join(folder, 'wrong.json'), JSON.stringify({ events: [{ at: 0 }] }));
  writeFileSync(join(folder, 'broken.json'), '{');
});

after(() => rmSync(folder, { recursive: true }));

/** The result of `two.json`. */
function result(): Outcome {
  return JSON.parse(readFileSync(join(folder, 'out', 'two.result.json'), 'utf8')) as Outcome;
}

describe('simulate', () => {
  it('plays a scenario on its own topology and writes NAME.result.json', async () => {
    assert.equal(await simulate([join(folder, 'two.json')], { out: join(folder, 'out') }), 0);
    const { name, emitted, dumps, dump_index, errors } = result();
    assert.equal(name, 'two');
    assert.deepEqual(
      emitted.map((p) => `${p.event} ${p.side} ${p.to}`),
      ['0 eth1 web', '1 eth0 client'],
    );
    assert.match(dumps[0]!, /UDP {2}10\.1\.0\.100:81 +1 +1 +0 +31 +0\n/);
    assert.deepEqual(
      dump_index.map((d) => d.rc),
      [0, 127],
    );
    assert.deepEqual(errors, []);
  });

  it('shows what debug_level shows, in the account only', async (t) => {
    let account = '';
    t.mock.method(process.stdout, 'write', (text: string) => {
      account += text;
      return true;
    });
    await simulate([join(folder, 'two.json')], { show: true, out: join(folder, 'out'), debugLevel: 11 });
    await simulate([join(folder, 'two.json')], { show: true });
    t.mock.restoreAll();
    const lines = account.split('\n').filter((line) => line.includes('Incoming packet'));
    assert.deepEqual(lines, [
      '           Incoming packet: UDP 10.1.0.10:1000->10.1.0.100:81',
      '           Incoming packet: UDP 10.1.0.10:1000->10.1.0.100:82',
    ]);
    assert.equal('debug' in result(), false);
  });

  it('ends the same for the same seed', async () => {
    const run = async (seed: number): Promise<Outcome> => {
      await simulate([join(folder, 'two.json')], { out: join(folder, 'out'), seed });
      return result();
    };
    assert.deepEqual(await run(7), await run(7));
  });

  it('goes on after a file that is no scenario, and says so in the end', async () => {
    const files = ['nosuch.json', 'broken.json', 'wrong.json', 'two.json'].map((file) => join(folder, file));
    rmSync(join(folder, 'out'), { recursive: true });
    assert.equal(await simulate(files, { out: join(folder, 'out') }), 1);
    assert.equal(result().emitted.length, 2);
  });
});
