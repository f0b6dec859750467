import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { configShape } from '../../src/daemon/config/config.js';
import { ConfigReader } from '../../src/daemon/config/reader.js';
import { IpvsError } from '../../src/errors.js';
import { anyConfig, open, stateOf } from './support.js';

const read = (text: string) => new ConfigReader().read(text, 'f.yaml');

/** The message that reading ends in. */
async function refusal(text: string): Promise<string> {
  try {
    await read(text);
  } catch (error) {
    assert.ok(error instanceof IpvsError && error.code === 'BAD_CONFIG', String(error));
    return error.message;
  }
  assert.fail('nothing was refused');
}

describe('a mistake is shown with line, column, its line and what was expected', () => {
  test('all of them at once, in their order', async () => {
    const text = `connLimit: many
services:
  - protocol: tcp
    address: 10.1.0.100
    port: 70000
    dests:
      - { address: 10.2.0.11, port: 80, weight: heavy }
      - { adress: 10.2.0.12, port: 80 }
  - { fwmark: 3 }
`;
    assert.equal(
      await refusal(text),
      `f.yaml: 5 errors
f.yaml:1:12: connLimit: "many" is not a number of connections (1..134217728)
  1 | connLimit: many
    |            ^
f.yaml:5:11: services[0].port: 70000 is not a port (0..65535)
  5 |     port: 70000
    |           ^
f.yaml:7:49: services[0].dests[0].weight: "heavy" is not a weight (-2147483648..2147483647)
  7 |       - { address: 10.2.0.11, port: 80, weight: heavy }
    |                                                 ^
f.yaml:8:9: services[0].dests[1].address: missing: expected an IPv4 or IPv6 address
  8 |       - { adress: 10.2.0.12, port: 80 }
    |         ^
f.yaml:8:11: services[0].dests[1].adress: unknown field (expected address, port, forward, weight, uThreshold, lThreshold, tunType, tunPort, tunCsum, name, labels, checks; did you mean address?)
  8 |       - { adress: 10.2.0.12, port: 80 }
    |           ^`,
    );
  });

  const cases: [string, string, RegExp][] = [
    ['no YAML', 'a: [1', /^f\.yaml:1:\d+: Flow sequence/m],
    ['a key twice', 'table: 1\ntable: 2\n', /^f\.yaml:2:1: Map keys must be unique/m],
    ['no map', '- 1\n', /^f\.yaml:1:1: \[1\] is not an object$/m],
    ['keys in different columns', ' table: 1\nservices:\n  - fwmark: 1\n', /^f\.yaml:2:1: /m],
    ['two documents', 'table: 1\n---\ntable: 2\n', /^f\.yaml:2:1: expected one document/m],
    ['an unknown setting', '\nconlimit: 5\n', /^f\.yaml:2:1: conlimit: unknown field \(expected netns, /m],
    [
      'behind the services',
      'services:\n  - fwmark: 1\n\ntable: x\n',
      /^f\.yaml:4:8: table: "x" is not a routing table/m,
    ],
    [
      'a service that is none',
      'services:\n  - fwmark: 1\n  - 7\n',
      /^f\.yaml:3:5: services\[1\]: 7 is not an object$/m,
    ],
    [
      'a service twice',
      'services:\n  - fwmark: 1\n  - fwmark: 1\n',
      /^f\.yaml:3:5: services\[1\]: fwmark:1 is there already, as services\[0\]$/m,
    ],
    [
      'YAML inside a service',
      'services:\n  - fwmark: 1\n  - fwmark: [\n  - fwmark: 2\n',
      /^f\.yaml:\d:\d+: Flow sequence/m,
    ],
    [
      'a server twice, however it is written',
      'services:\n  - protocol: tcp\n    address: fd00::1\n    port: 1\n    dests:\n      - { address: fd00::5, port: 1 }\n      - { address: FD00:0::5, port: 1 }\n',
      /^f\.yaml:7:9: services\[0\]\.dests\[1\]: \[fd00::5\]:1 is there already, as services\[0\]\.dests\[0\]$/m,
    ],
    [
      'a mask of the other family',
      'services:\n  - { fwmark: 1, netmask: 64 }\n',
      /^f\.yaml:2:27: services\[0\]\.netmask: "64" is not an IPv4 mask/m,
    ],
    [
      'a sysctl that there is not',
      'sysctl:\n  drop_entri: 1\n',
      /^f\.yaml:2:3: sysctl\.drop_entri: unknown field \(expected am_droprate, /m,
    ],
    [
      'the master twice',
      'sync:\n  - { state: master, interface: a, syncid: 1 }\n  - { state: master, interface: b, syncid: 1 }\n',
      /^f\.yaml:3:5: sync\[1\]: the master is there already, as sync\[0\]$/m,
    ],
    [
      'through an alias',
      'x: &s { state: master, interface: a, syncid: 999 }\nsync: [*s]\n',
      /^f\.yaml:1:\d+: sync\[0\]\.syncid: 999 is not a sync id/m,
    ],
  ];
  for (const [what, text, message] of cases)
    test(what, async () => assert.match(await refusal(text), message));

  test('what is missing is shown where it should be', async () => {
    assert.match(
      await refusal('services:\n  - protocol: tcp\n    port: 1\n'),
      /^f\.yaml:2:5: services\[0\]\.address: missing: expected an IPv4 or IPv6 address/m,
    );
  });

  test('what a terminal would take for a command is not shown as it is', async () => {
    assert.equal(
      (await refusal('connLimit: x\u0007\n\u001b[31m: 1\n')).replace(/ \(expected.*/, ''),
      `f.yaml: 2 errors
f.yaml:1:12: connLimit: "x\\u0007" is not a number of connections (1..134217728)
  1 | connLimit: x\ufffd
    |            ^
f.yaml:2:1: \ufffd[31m: unknown field
  2 | \ufffd[31m: 1
    | ^`,
    );
  });

  test('of very many the first are shown', async () => {
    const text = `services:\n${'  - { port: 1 }\n'.repeat(500)}`;
    const message = await refusal(text);
    assert.match(message, /^f\.yaml: \d+ errors, of which the first 20 are$/m);
    assert.equal(message.split('\n').filter((line) => line.startsWith('f.yaml:')).length, 21);
  });
});

describe('a text may be', () => {
  test('empty', async () => assert.deepEqual(await read('# nothing\n'), {}));

  test('JSON', async () => {
    assert.deepEqual(await read('{"table": 5, "sysctl": {"drop_entry": "1"}}'), {
      table: 5,
      sysctl: { drop_entry: '1' },
    });
  });

  test('YAML with anchors, aliases and merged maps', async () => {
    const text = `services:
  - &web { protocol: tcp, address: 10.0.0.1, port: 80, dests: &servers [{ address: 10.2.0.1, port: 80 }] }
  - { <<: *web, port: 81 }
  - { fwmark: 1, dests: *servers }
`;
    const { services } = await read(text);
    assert.deepEqual(
      services?.map((service) => ['port' in service && service.port, service.dests[0]?.address]),
      [
        [80, '10.2.0.1'],
        [81, '10.2.0.1'],
        [false, '10.2.0.1'],
      ],
    );
  });

  test('written with CRLF', async () => {
    const { services } = await read('services:\r\n  - fwmark: 1\r\n  - fwmark: 2\r\n');
    assert.equal(services?.length, 2);
  });
});

test('services that are written as before are the same objects', async () => {
  const reader = new ConfigReader();
  const text = 'services:\n  - { fwmark: 1 }\n  - { fwmark: 2 }\n';
  const before = await reader.read(text, 'f');
  const after = await reader.read(text.replace('fwmark: 2', 'fwmark: 3'), 'f');
  assert.equal(after.services![0], before.services![0]);
  assert.notDeepEqual(after.services![1], before.services![1]);
});

test('whatever is added, removed and moved: it is read as if nothing had been read before, and what is there again is the same object', async () => {
  const marks = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
  const textOf = (all: number[]) => `services:\n${all.map((mark) => `  - { fwmark: ${mark} }\n`).join('')}`;
  await fc.assert(
    fc.asyncProperty(marks, marks, async (before, after) => {
      const reader = new ConfigReader();
      const first = (await reader.read(textOf(before), 'f')).services!;
      const second = (await reader.read(textOf(after), 'f')).services!;
      assert.deepEqual({ services: second }, await read(textOf(after)));
      for (const [i, mark] of after.entries()) {
        if (before.includes(mark)) assert.equal(second[i], first[before.indexOf(mark)]);
      }
    }),
  );
});

describe('whatever the way of reading', () => {
  test('the same comes out: YAML in blocks, YAML as a whole, JSON', async () => {
    await fc.assert(
      fc.asyncProperty(anyConfig, async (config) => {
        const expected = configShape.read(JSON.parse(JSON.stringify(config)), '');
        for (const text of [
          stringify(config),
          stringify(config, { indentSeq: false }),
          stringify(config, { collectionStyle: 'flow' }),
          JSON.stringify(config),
        ]) {
          assert.deepEqual(await read(text), expected, text);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('the same is refused with the same words', async () => {
    const port = fc.oneof(fc.integer({ min: 0, max: 65535 }), fc.constantFrom('x', -1, 70000));
    const service = fc.record({
      protocol: fc.constantFrom('tcp', 'tpc'),
      address: fc.constantFrom('10.0.0.1', '10.0.0'),
      port,
      dests: fc.array(fc.record({ address: fc.constantFrom('10.0.0.1', 'y'), port }), { maxLength: 2 }),
    });
    const messages = async (text: string) => {
      try {
        await read(text);
        return [];
      } catch (error) {
        return [...(error as Error).message.matchAll(/^f\.yaml:\d+:\d+: (.*)/gm)]
          .map(([, message]) => message)
          .sort();
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(service, { minLength: 1, maxLength: 3 }), async (services) => {
        assert.deepEqual(
          await messages(stringify({ services })),
          await messages(JSON.stringify({ services })),
        );
      }),
      { numRuns: 300 },
    );
  });
});

/** A text with some of its characters changed. */
const spoiled = anyConfig.chain((config) => {
  const text = stringify(config);
  const change = fc.record({
    at: fc.nat(Math.max(text.length - 1, 0)),
    drop: fc.nat(2),
    put: fc.constantFrom(
      '',
      ' ',
      '0',
      '1',
      '2',
      ' # ',
      '\n',
      ':',
      '- ',
      '{',
      '}',
      '[',
      '"',
      '&a ',
      '*a',
      '#',
      '\t',
      '9',
      'x',
      '!!',
      '|',
      '\u0000',
      '<<: ',
      '---\n',
      '\n  - ',
    ),
  });
  return fc
    .array(change, { maxLength: 2 })
    .map((changes) =>
      changes.reduce((now, { at, drop, put }) => now.slice(0, at) + put + now.slice(at + drop), text),
    );
});

test('a text that was spoiled is applied or refused with places: nothing breaks, nothing is half applied', async () => {
  let refused = 0;
  const director = await open();
  await fc.assert(
    fc.asyncProperty(spoiled, async (text) => {
      const before = await stateOf(director);
      try {
        await director.execute('config.apply', { text, file: 'f.yaml' });
        const { changes } = await director.execute('config.plan', { text });
        assert.deepEqual(
          changes.filter(({ kind }) => kind !== 'setting'),
          [],
        );
      } catch (error) {
        assert.ok(error instanceof IpvsError && error.code === 'BAD_CONFIG', String((error as Error).stack));
        assert.match(error.message, /^f\.yaml:\d+:\d+: |^\w+\.\w+ was refused/m);
        assert.deepEqual(await stateOf(director), before);
        refused++;
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(refused > 100 && refused < 900, `${refused} of 1000 were refused`);
});
