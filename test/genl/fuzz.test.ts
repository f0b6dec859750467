/** Netlink messages and socket options made by their grammar, and spoilt part by part: answered as a kernel does, and never half carried out. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NullHost } from '../../bench/support/null-host.js';
import { EngineDirector } from '../../src/control/engine-director.js';
import { answerMessage } from '../../src/control/genl/answer.js';
import { getOption } from '../../src/control/sockopt/get.js';
import { setOption } from '../../src/control/sockopt/set.js';
import { Net } from '../../src/engine/net.js';
import { LITTLE, NLM_F_MULTI, NLMSG_DONE, NLMSG_ERROR, netlinkMessages } from '../../src/wire/netlink.js';
import { beginning } from '../support/fuzz-events.js';
import { assertInvariants } from '../support/invariants.js';
import { netlinkMessage } from '../support/netlink-messages.js';
import { optionCall } from '../support/socket-options.js';
import { assertUnchanged, stateText } from '../support/state-text.js';

/** A machine on which sync daemons start. */
class Wired extends NullHost {
  override interfaceMtu(name: string): number | undefined {
    return name === 'eth0' ? 1500 : undefined;
  }
}

/** Errors that the kernel's interface has; EIO would be a fault of ours. */
const ERRNOS = new Set(
  (
    [
      'EFAULT',
      'ENOENT',
      'ESRCH',
      'EEXIST',
      'ENODEV',
      'EINVAL',
      'ERANGE',
      'EOPNOTSUPP',
      'EAFNOSUPPORT',
    ] as const
  ).map((name) => constants.errno[name]),
);
const PORT = 77;

/** An engine with services for most of the requests. */
async function begun(): Promise<{ net: Net; director: EngineDirector }> {
  const net = new Net({ host: new Wired([]), random: () => 1, connLimit: 16 });
  const director = new EngineDirector(net);
  for (const { command, args } of beginning())
    if (command !== 'daemon.start') await director.execute(command, args);
  return { net, director };
}

/** Counts what requests ended in; those of one errno alone would show nothing. */
class Seen {
  readonly #errnos = new Map<number, number>();

  note(errno: number): void {
    assert.ok(errno === 0 || ERRNOS.has(errno), `errno ${errno}`);
    this.#errnos.set(errno, (this.#errnos.get(errno) ?? 0) + 1);
  }

  assertAll(...names: (keyof typeof constants.errno)[]): void {
    for (const errno of [0, ...names.map((name) => constants.errno[name])])
      assert.ok(this.#errnos.has(errno), `errno ${errno} never came`);
  }
}

describe('requests of any make', () => {
  test('messages are answered once and as a whole, and those that are refused change nothing', async () => {
    const seen = new Seen();
    const story = fc.array(netlinkMessage, { minLength: 1, maxLength: 30, size: 'max' });
    await fc.assert(
      fc.asyncProperty(story, async (messages) => {
        const { net, director } = await begun();
        for (const bytes of messages) {
          const [message] = [...netlinkMessages(bytes)];
          assert.ok(message);
          const before = stateText(net.ipvs);
          const asker = { port: PORT, capAck: false, admin: true };
          const { messages: answers } = await answerMessage(director, message, asker);
          const errno = ending(answers, message.sequence);
          seen.note(errno);
          if (errno !== 0) {
            assert.equal(answers.length, 1);
            assertUnchanged(net.ipvs, before, `errno ${errno} was told, and something done`);
          }
          assertInvariants(net.ipvs);
        }
      }),
      { numRuns: 80 },
    );
    seen.assertAll('EEXIST', 'EINVAL', 'ENODEV', 'ENOENT', 'ERANGE', 'ESRCH', 'EAFNOSUPPORT', 'EOPNOTSUPP');
  });

  test('options are answered within their buffers, and those that are refused change nothing', async () => {
    const seen = new Seen();
    const story = fc.array(optionCall, { minLength: 1, maxLength: 30, size: 'max' });
    await fc.assert(
      fc.asyncProperty(story, async (calls) => {
        const { net, director } = await begun();
        for (const { how, option, bytes } of calls) {
          const before = stateText(net.ipvs);
          const given = bytes.slice();
          let errno: number;
          if (how === 'set') errno = await setOption(director, option, given);
          else {
            const got = await getOption(director, option, given);
            errno = got.errno;
            assert.equal(got.bytes.length, bytes.length);
            assert.ok(got.length <= bytes.length);
          }
          assert.deepEqual(given, bytes);
          seen.note(errno);
          if (how === 'get' || errno !== 0)
            assertUnchanged(net.ipvs, before, `errno ${errno} was told, and something done`);
          assertInvariants(net.ipvs);
        }
      }),
      { numRuns: 80 },
    );
    seen.assertAll('EEXIST', 'EINVAL', 'ENODEV', 'ENOENT', 'ERANGE', 'ESRCH', 'EFAULT');
  });
});

/** Checks the headers of answers. @returns the errno that they end in, 0 for success. */
function ending(answers: readonly Uint8Array[], sequence: number): number {
  let errno = 0;
  for (const [i, answer] of answers.entries()) {
    const parsed = [...netlinkMessages(answer)];
    assert.equal(parsed.length, 1);
    const [{ type, flags, view, bytes }] = parsed as [(typeof parsed)[0]];
    assert.equal(bytes.length, answer.length);
    assert.equal(parsed[0]!.sequence, sequence);
    assert.equal(new DataView(answer.buffer, answer.byteOffset).getUint32(12, LITTLE), PORT);
    const last = i === answers.length - 1;
    if (type === NLMSG_ERROR) {
      assert.ok(last);
      errno = -view.getInt32(0, LITTLE);
    } else if (type === NLMSG_DONE) assert.ok(last && (flags & NLM_F_MULTI) !== 0);
    else if ((flags & NLM_F_MULTI) !== 0) assert.ok(!last);
  }
  return errno;
}
