/** Commands, packets, messages of another director and time, in any order: nothing throws, and after each of them the engine is in order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NullHost } from '../bench/support/null-host.js';
import { EngineDirector } from '../src/control/engine-director.js';
import { Net } from '../src/engine/net.js';
import { processMessage } from '../src/engine/sync/backup.js';
import { IpvsError } from '../src/errors.js';
import { hex } from './support/bytes.js';
import { beginning, type FuzzEvent, fuzzEvent } from './support/fuzz-events.js';
import { assertInvariants } from './support/invariants.js';
import { packetOf } from './support/packet-of.js';
import { assertUnchanged, stateText } from './support/state-text.js';

/** A machine on which sync daemons start. */
class Wired extends NullHost {
  override interfaceMtu(name: string): number | undefined {
    return name === 'eth0' ? 1500 : undefined;
  }
}

/** What holds the packet in work, and nothing between two. */
const SCRATCH = ['foundIn', 'foundOut'];

/** One director to which things happen. */
class Fuzzed {
  readonly net: Net;
  readonly #director: EngineDirector;
  #now = 0;

  constructor() {
    let draws = 1;
    const random = (): number => {
      draws = (Math.imul(draws, 1_664_525) + 1_013_904_223) >>> 0;
      return draws;
    };
    const host = new Wired(['10.1.0.100', '10.2.0.1', '10.2.0.12', 'fd00:1::100', 'fd00:2::12']);
    this.net = new Net({ host, random, connLimit: 24 });
    this.#director = new EngineDirector(this.net);
  }

  /** With what {@link beginning} says. */
  static async begun(): Promise<Fuzzed> {
    const director = new Fuzzed();
    for (const { command, args } of beginning()) await director.#director.execute(command, args);
    return director;
  }

  /** @returns the code of the error that a command ended in. */
  async take(event: FuzzEvent): Promise<string | undefined> {
    switch (event.kind) {
      case 'command':
        return this.#command(event.request);
      case 'packet': {
        await this.#explain(event);
        const p = packetOf(event.bytes);
        p.mark = event.mark;
        p.ifindex = event.hook === 3 ? 0 : 2;
        assert.ok([0, 1, 2].includes(this.net.receive(p, event.hook)));
        return undefined;
      }
      case 'sync':
        processMessage(this.net.ipvs, event.bytes);
        return undefined;
      case 'time':
        this.wait(event.ms);
        return undefined;
    }
  }

  wait(ms: number): void {
    this.#now += ms;
    this.net.advance(this.#now);
  }

  /** To ask what would become of a packet changes nothing. */
  async #explain({ bytes, hook, mark }: Extract<FuzzEvent, { kind: 'packet' }>): Promise<void> {
    if (bytes.length === 0) return;
    const before = stateText(this.net.ipvs, SCRATCH);
    const packet = {
      bytes: hex(bytes),
      fwmark: mark,
      hook: (['input', 'forward', 'output'] as const)[hook - 1]!,
    };
    try {
      await this.#director.execute('explain', { packet });
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
    }
    assertUnchanged(this.net.ipvs, before, 'explaining a packet has changed something', SCRATCH);
  }

  /** A command that is refused changes nothing, seen or unseen. */
  async #command({
    command,
    args,
  }: Extract<FuzzEvent, { kind: 'command' }>['request']): Promise<string | undefined> {
    const before = stateText(this.net.ipvs);
    try {
      await this.#director.execute(command, args);
      return undefined;
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      assertUnchanged(this.net.ipvs, before, `${error.message} was told, and something done`);
      return error.code;
    }
  }
}

describe('a director to which anything happens', () => {
  test('stays in order, and what it refuses changes nothing', async () => {
    const codes = new Map<string, number>();
    let [conns, told] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(fuzzEvent, { minLength: 10, maxLength: 60, size: 'max' }), async (events) => {
        const director = await Fuzzed.begun();
        for (const event of events) {
          const code = await director.take(event);
          if (code !== undefined) codes.set(code, (codes.get(code) ?? 0) + 1);
          assertInvariants(director.net.ipvs);
        }
        const { ipvs } = director.net;
        conns += ipvs.totStats.conns;
        told += ipvs.sync.received;
      }),
      { numRuns: 60 },
    );
    // what is refused at once would show nothing
    assert.ok(
      conns > 20 && told > 40 && codes.size > 4,
      `${conns} connections, ${told} messages, ${[...codes.keys()]}`,
    );
  });
});
