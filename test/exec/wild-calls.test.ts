/** A program under `ipvsd exec` hands over pointers and lengths that are none: it hears an errno, and whoever comes next is served. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { run } from '../e2e/namespaces.js';
import { type Started, startDaemon, stopDaemon, temporaryFolder } from '../support/daemon.js';
import { rootOnly } from '../support/require-root.js';
import { SupervisedShell } from './supervised-shell.js';

const SOURCE = fileURLToPath(new URL('../../../test/exec/wild-calls.c', import.meta.url));

describe('calls with arguments that are none', rootOnly('gcc'), () => {
  const folder = temporaryFolder();
  const socket = join(folder.path, 'ipvsd.sock');
  const program = join(folder.path, 'wild');
  let daemon: Started;
  let shell: SupervisedShell;

  before(async () => {
    run(`gcc -O0 -o ${program} ${SOURCE}`);
    daemon = await startDaemon(socket);
    shell = new SupervisedShell(socket);
  });
  after(async () => {
    shell.close();
    await stopDaemon(daemon);
    folder.remove();
  });

  test('fail with an errno, and the next one is served', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const { rc, stdout, stderr } = await shell.run([program, String(seed), '300']);
        assert.deepEqual([rc, stderr], [0, '']);
        assert.match(stdout, /^EFAULT \d+$/m);
        // that would be a fault of ours
        assert.doesNotMatch(stdout, /^EIO /m);
        assert.match((await shell.script('cat /proc/net/ip_vs')).stdout, /^IP Virtual Server/);
      }),
      { numRuns: 5 },
    );
  });
});
