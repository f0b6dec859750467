/** A scheduler of the user's own: the example of docs/schedulers.md, from the file to the service. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { IPVSADM } from '../../demo/lab.js';
import { connectDirector } from '../../src/control/client.js';
import { loadSchedulers } from '../../src/daemon/schedulers.js';
import { run } from '../e2e/namespaces.js';
import { ipvsd, startDaemon, stopDaemon, temporaryFolder } from '../support/daemon.js';
import { describeCompliance } from '../support/scheduler-compliance.js';

const folder = temporaryFolder();
after(() => folder.remove());
const page = readFileSync(new URL('../../../docs/schedulers.md', import.meta.url), 'utf8');
const example = /```js\n([\s\S]*?)```/.exec(page)![1]!;

function file(name: string, text: string): string {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
}

const faults: unknown[] = [];
const registry = await loadSchedulers([file('random.mjs', example)], (...fault) => faults.push(fault));
describeCompliance(registry.get('random')!, true);

describe('a scheduler of the user’s own', () => {
  test('is one more', () => {
    assert.equal(registry.names().length, 15);
    assert.deepEqual(faults, []);
  });

  test('is known when a configuration is checked', async () => {
    const text = 'services:\n  - { fwmark: 1, scheduler: random }\n';
    const good = await ipvsd(['check', file('good.yaml', `schedulers: [./random.mjs]\n${text}`)]);
    assert.equal(good.code, 0, good.stderr);
    const unknown = await ipvsd(['check', file('unknown.yaml', text)]);
    assert.match(unknown.stderr, /unknown\.yaml:2:\d+: services\[0\]\.scheduler: no scheduler "random"/);
    const absent = await ipvsd(['check', file('absent.yaml', `schedulers: [./absent.mjs]\n${text}`)]);
    assert.match(absent.stderr, /absent\.yaml:1:14: schedulers\[0\]: .*absent\.mjs/);
    assert.deepEqual([unknown.code, absent.code], [5, 5]);
  });

  test('is what services may name', async () => {
    const socket = join(folder.path, 's.sock');
    const service = { protocol: 'tcp', address: '10.1.0.100', port: 80, scheduler: 'random' };
    const config = file('config.json', JSON.stringify({ schedulers: ['./random.mjs'], services: [service] }));
    const daemon = await startDaemon(socket, ['--config', config]);
    const director = connectDirector({ socket });
    assert.deepEqual(
      (await director.execute('service.list', {})).map(({ scheduler }) => scheduler),
      ['random'],
    );
    run(`${process.execPath} ${IPVSADM} -A -t 10.1.0.101:80 -s random`, { IPVSD_SOCKET: socket });
    assert.match(
      run(`${process.execPath} ${IPVSADM} -S -n`, { IPVSD_SOCKET: socket }),
      /-A -t 10\.1\.0\.101:80 -s random/,
    );
    director.close();
    await stopDaemon(daemon);
  });

  const wrong: [string, string, RegExp][] = [
    ['no module', 'import x from "./nowhere.js";', /schedulers\[1\]: .*Cannot find module/],
    ['nothing exported', 'export const x = 1;', /schedulers\[1\]: .*expected the export "scheduler"/],
    ['no function', 'export const scheduler = { name: "x" };', /schedulers\[1\]: .*a function "schedule"/],
    ['a name that is taken', example.replace("'random'", "'rr'"), /"rr" is registered already/],
    ['a name that is none', example.replace("'random'", "'no name'"), /"no name" is no name for a scheduler/],
  ];
  for (const [what, text, message] of wrong) {
    test(`${what}: exit 5, naming the entry`, async () => {
      const bad = file(`bad${wrong.findIndex(([name]) => name === what)}.mjs`, text);
      const config = file('bad.json', JSON.stringify({ schedulers: ['random.mjs', bad] }));
      const socket = join(folder.path, 'bad.sock');
      const { code, stderr } = await ipvsd([
        'run',
        '--datapath',
        'none',
        '--socket',
        socket,
        '--config',
        config,
      ]);
      assert.match(stderr, message);
      assert.equal(code, 5);
    });
  }
});
