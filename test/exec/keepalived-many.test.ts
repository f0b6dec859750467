/** A configuration of fifty virtual servers with ten real servers each: what a reload does to it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../demo/lab.js';
import { rootOnly } from '../support/require-root.js';
import { DirectorLab, VIP } from './director-lab.js';

const SERVICES = 50;
const SERVERS = 10;

/** @param weight of one real server of all */
const configuration = (weight: number): string => {
  const service = (s: number): string => {
    const servers = Array.from({ length: SERVERS }, (_, r) => {
      const own = s === 7 && r === 3 ? weight : 2;
      return `  real_server 10.3.${s}.${r + 1} 80 {\n    weight ${own}\n  }`;
    });
    const head = `virtual_server ${VIP} ${8000 + s} {\n  lvs_sched wrr\n  lvs_method NAT\n  protocol TCP`;
    return `${head}\n${servers.join('\n')}\n}`;
  };
  return Array.from({ length: SERVICES }, (_, s) => service(s)).join('\n');
};

describe('keepalived with many virtual servers under ipvsd exec', rootOnly('keepalived', 'sysctl'), () => {
  const lab = new DirectorLab();
  const weights = (): string[] => lab.listing().filter((line) => line.startsWith('->'));

  before(() => lab.open(0));
  after(() => lab.close());

  test('all of it is there, and stays while one weight changes', async () => {
    const at = (name: string): string => join(lab.folder, name);
    const file = lab.write('keepalived.conf', configuration(2));
    lab.start(
      ...['keepalived', '--dont-fork', '--no-syslog', '--check', '--use-file', file],
      ...['--pid', at('pid'), '--checkers_pid', at('checkers')],
    );
    await eventually('not all of it is there', 60, () => {
      assert.equal(lab.listing().length, SERVICES * (SERVERS + 1));
    });
    // what is there is counted; a service that were made anew would begin at nothing
    lab.net.shell('client', `for i in 1 2 3; do timeout 1 curl -s http://${VIP}:8007/ || true; done`);
    const connections = (): number => lab.connections(8007);
    await eventually('no connections', 20, () => assert.ok(connections() >= 3));
    const before = connections();

    lab.write('keepalived.conf', configuration(5));
    lab.signal('SIGHUP');
    await eventually('the weight is not 5', 60, () => {
      assert.deepEqual(
        weights().filter((line) => !line.endsWith(' 2')),
        ['-> 10.3.7.4:80 Masq 5'],
      );
    });
    assert.equal(lab.listing().length, SERVICES * (SERVERS + 1));
    assert.ok(connections() >= before);
  });
});
