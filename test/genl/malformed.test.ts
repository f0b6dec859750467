/** Messages and options that no program means to send: they are answered with an error, or with success, and never half carried out. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { EngineDirector } from '../../src/control/engine-director.js';
import { keyOf } from '../../src/control/fields.js';
import { answerMessage } from '../../src/control/genl/answer.js';
import { getOption } from '../../src/control/sockopt/get.js';
import { setOption } from '../../src/control/sockopt/set.js';
import { SimHost } from '../../src/datapath/scenario/sim-host.js';
import { standardTopology } from '../../src/datapath/scenario/topology.js';
import { Net } from '../../src/engine/net.js';
import { LITTLE, NLMSG_DONE, NLMSG_ERROR, netlinkMessages } from '../../src/wire/netlink.js';

const recorded = JSON.parse(
  readFileSync(new URL('../../../test/genl/kernel-answers.json', import.meta.url), 'utf8'),
) as ({ send: string } | { get: number; in: string } | { set: number; in: string })[];
const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const messages = recorded.flatMap((step) => ('send' in step ? [fromHex(step.send)] : []));
const gets = recorded.flatMap((step) => ('get' in step ? [[step.get, fromHex(step.in)] as const] : []));
const sets = recorded.flatMap((step) => ('set' in step ? [[step.set, fromHex(step.in)] as const] : []));

/** Errors that the kernel's interface has; EIO would be a fault of ours. */
const KNOWN = new Set(
  [1, 2, 3, 14, 17, 19, 22, 34, 95, 97, 99, 101], // EPERM ENOENT ESRCH EFAULT EEXIST ENODEV EINVAL ERANGE EOPNOTSUPP EAFNOSUPPORT ...
);

/** What was recorded, with some of its bytes changed, cut, or followed by more. */
function damaged(from: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(4095), value: fc.nat(255) });
  return fc
    .record({
      bytes: fc.constantFrom(...from),
      changes: fc.array(change, { maxLength: 6 }),
      cut: fc.option(fc.nat(400), { freq: 4 }),
      more: fc.uint8Array({ maxLength: 24 }),
    })
    .map(({ bytes, changes, cut, more }) => {
      const result = new Uint8Array([...bytes.subarray(0, cut ?? bytes.length), ...more]);
      if (result.length > 0) for (const { at, value } of changes) result[at % result.length] = value;
      return result;
    });
}

/** An option with what was recorded of it, damaged or as it was. */
function damagedOption(from: typeof gets): fc.Arbitrary<readonly [number, Uint8Array]> {
  return fc
    .constantFrom(...from)
    .chain(([option, bytes]) =>
      fc.tuple(fc.constant(option), fc.oneof(fc.constant(bytes), damaged([bytes]))),
    );
}

describe('malformed requests', () => {
  let director: EngineDirector;
  beforeEach(async () => {
    director = new EngineDirector(
      new Net({ host: new SimHost(standardTopology(), () => {}), random: () => 0 }),
    );
    for (const bytes of messages.slice(40, 60)) await ask(bytes);
  });

  async function ask(bytes: Uint8Array): Promise<Uint8Array[]> {
    const answers: Uint8Array[] = [];
    for (const message of netlinkMessages(bytes)) {
      const asker = { port: 77, capAck: false, admin: true };
      answers.push(...(await answerMessage(director, message, asker)).messages);
    }
    return answers;
  }

  /** Everything that a request could change. */
  async function state(): Promise<string> {
    const services = await director.execute('service.list', {});
    const dests = services.map((service) => director.execute('dest.list', { service: keyOf(service) }));
    return JSON.stringify([
      services,
      await Promise.all(dests),
      await director.execute('timeout.get', {}),
      await director.execute('daemon.list', {}),
    ]);
  }

  test('of netlink are answered, and refused ones change nothing', async () => {
    let [errors, successes] = [0, 0];
    await fc.assert(
      fc.asyncProperty(damaged(messages), async (bytes) => {
        for (const { bytes: one, sequence } of [...netlinkMessages(bytes)]) {
          const before = await state();
          for (const answer of await ask(one)) {
            const [parsed] = [...netlinkMessages(answer)];
            assert.equal(parsed!.bytes.length, answer.length);
            assert.equal(parsed!.sequence, sequence);
            assert.equal(new DataView(answer.buffer, answer.byteOffset).getUint32(12, LITTLE), 77);
            if (parsed!.type !== NLMSG_ERROR && parsed!.type !== NLMSG_DONE) continue;
            const errno = -parsed!.view.getInt32(0, LITTLE);
            if (errno === 0) {
              successes++;
              continue;
            }
            errors++;
            assert.ok(KNOWN.has(errno), `errno ${errno}`);
            assert.equal(await state(), before);
          }
        }
      }),
      { numRuns: 3000 },
    );
    // requests that all end the same way would show nothing
    assert.ok(errors > 300 && successes > 200, `${errors} errors, ${successes} successes`);
  });

  test('of setsockopt are answered, and refused ones change nothing', async () => {
    let [errors, successes] = [0, 0];
    await fc.assert(
      fc.asyncProperty(damagedOption(sets), async ([number, bytes]) => {
        const before = await state();
        const errno = await setOption(director, number, bytes);
        if (errno === 0) {
          successes++;
          return;
        }
        errors++;
        assert.ok(KNOWN.has(errno), `errno ${errno}`);
        assert.equal(await state(), before);
      }),
      { numRuns: 3000 },
    );
    assert.ok(errors > 300 && successes > 200, `${errors} errors, ${successes} successes`);
  });

  test('of getsockopt are answered within the buffer', async () => {
    await fc.assert(
      fc.asyncProperty(damagedOption(gets), async ([number, bytes]) => {
        const got = await getOption(director, number, bytes);
        assert.equal(got.bytes.length, bytes.length);
        assert.ok(got.length <= bytes.length);
        assert.ok(got.errno === 0 || KNOWN.has(got.errno), `errno ${got.errno}`);
      }),
      { numRuns: 3000 },
    );
  });
});
