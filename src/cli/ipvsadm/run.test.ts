import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runLine } from '../../../test/ipvsadm/replay.js';
import { TableDirector } from '../../../test/ipvsadm/table-director.js';
import { executeBatch } from '../../control/batch.js';
import type { Director } from '../../control/command.js';
import { captureIpvsadm } from './captured-run.js';
import { namesFrom } from './name-files.js';
import { OPTIONS } from './options.js';

const names = namesFrom('10.2.0.1 rs1', 'http 80/tcp');

describe('any command line', () => {
  const option = fc.constantFrom(...OPTIONS).chain(({ long, short }) => {
    return fc.constantFrom(...(long ? [`--${long}`, `--${long}=`] : []), ...(short ? [`-${short}`] : []));
  });
  const values = [
    '10.1.0.100:80',
    '[fd00::1]:80',
    'fd00::2',
    '5',
    '-1',
    '0',
    'rr',
    'sh',
    'sh-port,flag-3',
    'master',
    'gue',
    '',
    ',',
  ];
  const word = fc.oneof(
    { weight: 4, arbitrary: option },
    { weight: 3, arbitrary: fc.constantFrom(...values) },
    fc.string(),
  );

  test('ends in one of four states, with a message or without', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 10 }), fc.array(fc.array(word)), async (words, lines) => {
        const stdin = lines.map((line) => line.join(' ')).join('\n');
        const { rc, stderr } = await captureIpvsadm(new TableDirector(), names, words, stdin);
        assert.ok([0, 1, 2, 255].includes(rc), `status ${rc}`);
        // only with -R the last line may succeed after others did not
        if (!stdin) assert.equal(rc === 0, stderr === '');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the lines of -R', () => {
  const key = fc.constantFrom('-t 10.1.0.100:80', '-u 10.1.0.100:53', '-f 1', '-t nonsense');
  const line = fc.tuple(
    fc.constantFrom('-A', '-E', '-D', '-a', '-e', '-d', '-L', '-Z', '-C', '-S', '-h', '--bad'),
    key,
    fc.constantFrom('', '-s rr', '-r 10.2.0.1:80', '-r 10.2.0.1:80 -m', '-r 10.2.0.2:80 -w -1'),
  );

  test('do and say the same whether the director takes many commands at once or one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
        const text = lines.map((words) => words.join(' ')).join('\n');
        const [single, many] = [new TableDirector(), new TableDirector()];
        let batches = 0;
        const batching: Director = {
          execute: (name, args) => many.execute(name, args),
          batch: (commands) => {
            batches++;
            return executeBatch(many, commands);
          },
        };
        assert.deepEqual(
          await runLine(batching, names, '-R', text),
          await runLine(single, names, '-R', text),
        );
        assert.ok(batches <= lines.length);
        assert.deepEqual(await runLine(many, names, '-S -n'), await runLine(single, names, '-S -n'));
      }),
      { numRuns: 300 },
    );
  });

  test('are carried out a thousand at a time', async () => {
    const sizes: number[] = [];
    const batching: Director = {
      execute: () => Promise.reject(new Error('asked for one')),
      batch: async (commands) => {
        sizes.push(commands.length);
        return { results: commands.map(() => null) };
      },
    };
    const text = Array.from({ length: 2500 }, (_, i) => `-A -t 10.1.0.100:${i + 1}`).join('\n');
    assert.deepEqual(await runLine(batching, names, '-R', text), { rc: 0, stdout: '', stderr: '' });
    assert.deepEqual(sizes, [1000, 1000, 500]);
  });
});

describe('rules', () => {
  const port = fc.integer({ min: 1, max: 65535 });
  // addresses 2^31 or more apart have no order that would outlive being saved
  const v4 = fc.tuple(fc.integer({ min: 1, max: 126 }), port).map(([a, b]) => `${a}.0.${b >> 8}.7`);
  const v6 = fc.tuple(fc.nat({ max: 7999 }), fc.nat({ max: 9999 })).map(([a, b]) => `[2001:db8:${a}::${b}]`);
  const text = (...parts: fc.Arbitrary<string | number>[]) =>
    fc.tuple(...parts).map((words) => words.join(' '));

  const SCHEDULERS = ['rr', 'sh -b sh-port', 'mh -b mh-fallback,mh-port', 'lc -b flag-1,flag-3'];
  const METHODS = [
    '-m',
    '-g',
    '-i',
    '-i --tun-type gue --tun-port 6080 --tun-remcsum',
    '-i --tun-type gre --tun-csum',
  ];

  /** A service and its real servers, as lines. */
  const service = fc.boolean().chain((six) => {
    const address = six ? v6 : v4;
    const withPort = fc.tuple(address, port).map((parts) => parts.join(':'));
    const mark = fc.integer({ min: 1, max: 2 ** 31 - 1 }).map((value) => `-f ${value}${six ? ' -6' : ''}`);
    const persistence = fc.constantFrom('', '-p', `-p 7 -M ${six ? 64 : '255.255.0.0'}`, '-p 9 --pe sip');
    const options = text(fc.constantFrom(...SCHEDULERS), persistence);
    const key = fc.oneof(mark, text(fc.constantFrom('-t', '--sctp-service'), withPort));
    const server = text(
      withPort,
      fc.constantFrom(...METHODS),
      fc.constant('-w'),
      fc.nat({ max: 2 ** 31 - 1 }),
    );
    const servers = fc.uniqueArray(server, { maxLength: 5, selector: (line) => line.split(/:\d+ /)[0] });
    return fc.tuple(key, options, servers);
  });
  const rules = fc
    .uniqueArray(service, { maxLength: 6, selector: ([key]) => key })
    .map((services) =>
      services.flatMap(([key, options, servers]) => [
        `-A ${key} -s ${options}`,
        ...servers.map((server) => `-a ${key} -r ${server}`),
      ]),
    );

  test('that were saved and restored are saved and listed the same, and none is lost', async () => {
    const done = { rc: 0, stdout: '', stderr: '' };
    await fc.assert(
      fc.asyncProperty(rules, async (lines) => {
        const [first, second] = [new TableDirector(), new TableDirector()];
        assert.deepEqual(await runLine(first, names, '-R', lines.join('\n')), done);
        const saved = await runLine(first, names, '-S -n');
        assert.equal(saved.stdout.split('\n').length - 1, lines.length);
        assert.deepEqual(await runLine(second, names, '-R', saved.stdout), done);
        assert.deepEqual(await runLine(second, names, '-S -n'), saved);
        assert.deepEqual(
          await runLine(second, names, '-Ln --tun-info'),
          await runLine(first, names, '-Ln --tun-info'),
        );
      }),
    );
  });
});

test('a comma list of no flags is no flags', async () => {
  // the original crashes here
  const director = new TableDirector();
  assert.equal((await runLine(director, names, '-A -f 1 -s mh -b ,')).rc, 0);
  assert.equal((await runLine(director, names, '-S -n')).stdout, '-A -f 1 -s mh\n');
});

test('help and version need no director', async () => {
  const nobody = { execute: () => Promise.reject(new Error('asked')) };
  assert.equal((await runLine(nobody, names, '-h')).rc, 0);
  assert.equal((await runLine(nobody, names, '--version')).rc, 0);
});
