/**
 * The recorded scenarios with Debian's own ipvsadm, which runs under `ipvsd exec` and knows nothing of it: its listings, errors and exit codes are those that
 * it gave on a kernel.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { readScenario } from '../../src/cli/simulate.js';
import { simulatedDirector } from '../../src/cli/simulated-director.js';
import type { Director as ControlDirector } from '../../src/control/command.js';
import { EngineDirector } from '../../src/control/engine-director.js';
import { createApi } from '../../src/control/http/api.js';
import { compareOutcomes } from '../../src/datapath/scenario/compare.js';
import type { Outcome } from '../../src/datapath/scenario/format.js';
import { type Director, play } from '../../src/datapath/scenario/player.js';
import type { SimHost } from '../../src/datapath/scenario/sim-host.js';
import { temporaryFolder } from '../support/daemon.js';
import { rootOnly } from '../support/require-root.js';
import { SupervisedShell } from './supervised-shell.js';

const FOLDER = fileURLToPath(new URL('../../../test/scenarios/', import.meta.url));

const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.expected.json'))
  .map((file) => file.replace('.expected.json', ''));

describe("Debian's ipvsadm under ipvsd exec says what it said on a kernel", rootOnly('ipvsadm'), () => {
  const folder = temporaryFolder();
  const socket = join(folder.path, 'ipvsd.sock');
  let current: ControlDirector;
  let api: FastifyInstance;
  let shell: SupervisedShell;

  before(async () => {
    const director: ControlDirector = { execute: (name, args) => current.execute(name, args) };
    api = await createApi({
      director: () => director,
      ready: () => true,
      onFault: (error) => assert.fail(String(error)),
    });
    await api.listen({ path: socket });
    shell = new SupervisedShell(socket);
  });
  after(async () => {
    shell.close();
    await api.close();
    folder.remove();
  });

  /** The simulated director, with the program in place of ours. */
  const withProgram = (host: SimHost): Director => {
    const director = simulatedDirector(host, 1);
    current = new EngineDirector(director.net);
    const ipvsadm = (args: string[], stdin?: string) => shell.run(['ipvsadm', ...args], stdin);
    return { ...director, tools: { ...director.tools, ipvsadm } };
  };

  for (const name of names) {
    test(name, async () => {
      const expected = JSON.parse(readFileSync(join(FOLDER, `${name}.expected.json`), 'utf8')) as Outcome;
      const actual = await play(readScenario(join(FOLDER, `${name}.json`)), withProgram);
      const found = compareOutcomes(expected, actual);
      assert.equal(found.length, 0, found.join('\n'));
    });
  }
});
