import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { before, describe, test } from 'node:test';
import { EngineDirector } from '../../src/control/engine-director.js';
import { answerMessage } from '../../src/control/genl/answer.js';
import { getOption } from '../../src/control/sockopt/get.js';
import { setOption } from '../../src/control/sockopt/set.js';
import { SimHost } from '../../src/datapath/scenario/sim-host.js';
import { standardTopology } from '../../src/datapath/scenario/topology.js';
import { Net } from '../../src/engine/net.js';
import { netlinkMessages } from '../../src/wire/netlink.js';

/** A message, or a socket option, and what a Linux 6.1 answered, in order: one director saw them all. */
type Step = { readonly about: string } & (
  | { readonly send: string; readonly answers: readonly string[] }
  | {
      readonly get: number;
      readonly in: string;
      readonly errno?: string;
      readonly length?: number;
      readonly out?: string;
    }
  | { readonly set: number; readonly in: string; readonly errno: string | 0 }
);

const steps = JSON.parse(
  readFileSync(new URL('../../../test/genl/kernel-answers.json', import.meta.url), 'utf8'),
) as Step[];

const STRICTER = 'the kernel takes what it cannot use';
const PASSED_ON = 'not about IPVS: the kernel is asked';

/** Where we mean to differ, and what follows from it. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'unknown family': PASSED_ON,
  'no such type': PASSED_ON,
  'strange flags set': 'flags without meaning are not kept',
  'timeout as kept': 'the kernel multiplies by HZ in 32 bits',
  'protocol 99': STRICTER,
  'delete protocol 99': STRICTER,
  'method 5': STRICTER,
  'method 5 set': STRICTER,
  'method 6': STRICTER,
  'method 6 set': STRICTER,
  'method 7': STRICTER,
  'method 7 set': STRICTER,
  'tunnel type 3': STRICTER,
  'tunnel type 3 set': STRICTER,
  'tunnel flags 65535': STRICTER,
  'tunnel flags set': STRICTER,
};

describe('netlink messages and socket options are answered as by a kernel', () => {
  let director: EngineDirector;
  before(() => {
    director = new EngineDirector(
      new Net({ host: new SimHost(standardTopology(), () => {}), random: () => 0 }),
    );
  });

  for (const [i, step] of steps.entries()) {
    test(`${i}: ${step.about}`, async (t) => {
      const given = await play(director, step);
      if (step.about in OTHERWISE) {
        t.diagnostic(OTHERWISE[step.about]!);
        assert.notDeepEqual(given, expected(step), 'no difference any more');
      } else assert.deepEqual(given, expected(step));
    });
  }
});

function expected(step: Step): unknown {
  if ('send' in step) return step.answers;
  if ('set' in step) return errno(step.errno);
  return step.errno === undefined ? { length: step.length, out: step.out } : errno(step.errno);
}

async function play(director: EngineDirector, step: Step): Promise<unknown> {
  const bytes = Uint8Array.from(Buffer.from('send' in step ? step.send : step.in, 'hex'));
  if ('send' in step) {
    const answers: string[] = [];
    for (const message of netlinkMessages(bytes)) {
      const outcome = await answerMessage(director, message, { port: 0x42, capAck: false, admin: true });
      answers.push(...outcome.messages.map((answer) => Buffer.from(answer).toString('hex')));
    }
    return answers;
  }
  if ('set' in step) return setOption(director, step.set, bytes);
  const got = await getOption(director, step.get, bytes);
  if (got.errno !== 0) return got.errno;
  return { length: got.length, out: Buffer.from(got.bytes).toString('hex') };
}

function errno(name: string | 0): number {
  return name === 0 ? 0 : constants.errno[name as keyof typeof constants.errno];
}
