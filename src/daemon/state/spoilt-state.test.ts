/** Files of state whose checksums are right and whose contents are not: refused as a whole, or right; the director goes on in either case. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { NullHost } from '../../../bench/support/null-host.js';
import { beginning, type FuzzEvent, fuzzEvent } from '../../../test/support/fuzz-events.js';
import { assertInvariants } from '../../../test/support/invariants.js';
import { packetOf } from '../../../test/support/packet-of.js';
import { EngineDirector } from '../../control/engine-director.js';
import { NO_MACHINE, VipDirector } from '../../control/vip-director.js';
import { Net } from '../../engine/net.js';
import { defaultsOf } from './restore-rules.js';
import { StateKeeper } from './state-keeper.js';

const folder = mkdtempSync(join(tmpdir(), 'ipvsd-spoilt-'));
after(() => rmSync(folder, { recursive: true }));

/** A machine on which sync daemons start. */
class Wired extends NullHost {
  override interfaceMtu(name: string): number | undefined {
    return name === 'eth0' ? 1500 : undefined;
  }
}

/** A director on record in the files `a.rules` and `a.conns`. */
class Kept {
  readonly net = new Net({ host: new Wired([]), random: () => 42, connLimit: 64 });
  readonly reports: string[] = [];
  readonly keeper: StateKeeper;
  readonly vips = new VipDirector(new EngineDirector(this.net), NO_MACHINE);
  #now = 0;

  constructor() {
    const state = {
      rules: join(folder, 'a.rules'),
      conns: join(folder, 'a.conns'),
      namespace: 'a namespace',
      pinned: false,
      defaults: defaultsOf(this.net.ipvs),
      clock: () => 5000,
    };
    this.keeper = new StateKeeper(this.net, state, (level, message, fields) => {
      if (level !== 'info') this.reports.push(`${message} ${JSON.stringify(fields)}`);
    });
  }

  async start(): Promise<this> {
    await this.keeper.resume(this.keeper.restore(), this.vips, () => this.vips.vips);
    return this;
  }

  async take(event: FuzzEvent): Promise<void> {
    if (event.kind === 'command') {
      const { command, args } = event.request;
      await this.keeper
        .recording(this.vips)
        .execute(command, args)
        .catch(() => {});
    } else if (event.kind === 'packet') {
      const p = packetOf(event.bytes);
      p.ifindex = 2;
      this.net.receive(p, event.hook);
    } else if (event.kind === 'time') {
      this.#now += event.ms;
      this.net.advance(this.#now);
    }
  }
}

/** Where in a JSON value, counted through all of it, something else stands, or nothing. */
const spoiling = fc.record({
  at: fc.nat(100_000),
  value: fc.constantFrom<unknown[]>(
    undefined,
    null,
    '',
    'x',
    -1,
    1.5,
    1e300,
    2 ** 31,
    true,
    [],
    {},
    [[]],
    [null],
  ),
});
type Spoiling = typeof spoiling extends fc.Arbitrary<infer T> ? T : never;

function spoil(json: string, { at, value }: Spoiling): string {
  let count = 0;
  JSON.parse(json, (_key, part: unknown) => {
    count++;
    return part;
  });
  let left = at % count;
  return JSON.stringify(JSON.parse(json, (_key, part: unknown) => (left-- === 0 ? value : part))) ?? 'null';
}

function spoilRules(bytes: Buffer, how: readonly Spoiling[]): Buffer {
  const lines = bytes.toString('utf8').split('\n').slice(0, -1);
  for (const each of how) {
    const i = Math.min(1 + (each.at % lines.length), lines.length - 1);
    const json = spoil(lines[i]!.slice(9), each);
    lines[i] = `${crc32(json).toString(16).padStart(8, '0')} ${json}`;
  }
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

/** The same for connections: either their words or what is behind them. */
function spoilConns(bytes: Buffer, how: readonly Spoiling[], inWords: boolean): Buffer {
  const end = bytes.length - 12;
  const words = Buffer.from(bytes.subarray(8, 8 + 4 * bytes.readUInt32LE(end)));
  let json = bytes.toString('utf8', 8 + words.length, end);
  for (const each of how) {
    if (!inWords) json = spoil(json, each);
    else if (words.length > 0) words[each.at % words.length] = Number(each.value) & 255;
  }
  const tail = Buffer.from(json);
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(words.length / 4, 0);
  lengths.writeUInt32LE(tail.length, 4);
  const all = Buffer.concat([bytes.subarray(0, 8), words, tail, lengths]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(all));
  return Buffer.concat([all, checksum]);
}

describe('state that no director has written', () => {
  test('is refused, or is right', async () => {
    let [refused, taken] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fuzzEvent, { minLength: 10, maxLength: 40, size: 'max' }),
        fc.constantFrom('rules', 'words', 'rest'),
        fc.array(spoiling, { minLength: 1, maxLength: 2 }),
        async (events, which, how) => {
          for (const kind of ['rules', 'conns']) rmSync(join(folder, `a.${kind}`), { force: true });
          const first = await new Kept().start();
          for (const request of beginning()) await first.take({ kind: 'command', request });
          for (const event of events) await first.take(event);
          first.keeper.close();
          const path = join(folder, which === 'rules' ? 'a.rules' : 'a.conns');
          const bytes = readFileSync(path);
          writeFileSync(
            path,
            which === 'rules' ? spoilRules(bytes, how) : spoilConns(bytes, how, which === 'words'),
          );
          const second = await new Kept().start();
          if (second.reports.length > 0) refused++;
          else taken++;
          for (const event of events) {
            // numbers that are wrong in records with the right checksum are believed
            if (which === 'rules') assertInvariants(second.net.ipvs);
            await second.take(event);
          }
        },
      ),
      { numRuns: 80 },
    );
    assert.ok(refused > 10 && taken > 10, `${refused} refused, ${taken} taken`);
  });
});
