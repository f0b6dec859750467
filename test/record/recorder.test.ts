import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compareOutcomes } from '../../src/datapath/scenario/compare.js';
import { parseScenario } from '../../src/datapath/scenario/format.js';
import { isCrash } from './format.js';
import { playInGuest } from './guest.js';

const DIRECTORY = fileURLToPath(new URL('../../../test/scenarios/', import.meta.url));
const missing = ['linux.uml', 'modprobe', 'ipvsadm', 'ip', 'busybox', 'gcc'].filter(
  (program) => spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`]).status !== 0,
);

const load = (name: string): unknown => JSON.parse(readFileSync(`${DIRECTORY}${name}.json`, 'utf8'));

describe('a guest', { skip: missing.length > 0 && `needs ${missing.join(', ')}` }, () => {
  it('does what was recorded, and has time pass at once', async () => {
    const names = ['tcp_timeouts_nat4', 'udp_checksums_nat6', 'fwd_local_client_nat4'];
    const began = performance.now();
    const played = await playInGuest(
      names.map((name) => parseScenario(load(name), name)),
      { realTime: false, verbose: false, timeout: 120 },
    );
    played.forEach((outcome, i) => {
      assert.ok(!isCrash(outcome), JSON.stringify(outcome));
      const recorded = load(`${names[i]}.expected`) as Parameters<typeof compareOutcomes>[0];
      assert.deepEqual(compareOutcomes(recorded, outcome), []);
    });
    // the first of them alone takes 18 minutes of its own time
    assert.ok(performance.now() - began < 100_000);
  });
});
