import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AF_INET, AF_INET6, inetBytes, inetToString, parseInet } from '../../wire/inet.js';
import { Answers, type Source } from './answers.js';

const source = (text: string, port: number, protocol = 6): Source => ({
  address: parseInet(text)!,
  protocol,
  port,
});
const keyOf = ({ address, protocol, port }: Source): string => `${inetToString(address)} ${protocol} ${port}`;

function answersOf(...sources: Source[]): Answers {
  const answers = new Answers();
  for (const s of sources) answers.add(s);
  return answers;
}

const words = (answers: Answers, most: number, family: 2 | 10 = AF_INET): string[] =>
  answers
    .inFewWords(family, most)
    .map(
      ({ network, protocol, port }) =>
        `${inetToString(network.address)}/${network.length} ${protocol} ${port}`,
    )
    .sort();

describe('the sources of answers, in few words', () => {
  it('are themselves while they are few', () => {
    const answers = answersOf(source('10.0.0.2', 80), source('10.0.0.1', 80, 17), source('fd00::1', 80));
    assert.deepEqual(words(answers, 2), ['10.0.0.1/32 17 80', '10.0.0.2/32 6 80']);
    assert.deepEqual(words(answers, 1, AF_INET6), ['fd00::1/128 6 80']);
    assert.deepEqual(words(new Answers(), 1), []);
  });

  it('are their networks where they are many', () => {
    const answers = answersOf(source('10.0.0.1', 80), source('10.0.0.9', 80), source('10.0.1.1', 80));
    assert.deepEqual(words(answers, 2), ['10.0.0.0/24 6 80', '10.0.1.0/24 6 80']);
    assert.deepEqual(words(answers, 1), ['10.0.0.0/16 6 80']);
    const six = answersOf(
      source('fd00:0:1:2::1', 80),
      source('fd00:0:1:2::2', 80),
      source('fd00:0:1:3::2', 80),
    );
    assert.deepEqual(words(six, 2, AF_INET6), ['fd00:0:1:2::/64 6 80', 'fd00:0:1:3::/64 6 80']);
    assert.deepEqual(words(six, 1, AF_INET6), ['fd00:0:1::/48 6 80']);
  });

  it('are all ports of the servers where the ports are many', () => {
    const answers = answersOf(...[1, 2, 3].map((port) => source('10.0.0.1', port)));
    assert.deepEqual(words(answers, 2), ['10.0.0.1/32 6 0']);
  });

  it('are everything of a protocol at worst', () => {
    const answers = answersOf(...[1, 2, 3].map((n) => source(`${n}.0.0.1`, n)), source('9.0.0.1', 1, 17));
    assert.deepEqual(words(answers, 1), ['0.0.0.0/0 17 0', '0.0.0.0/0 6 0']);
  });

  it('hold every source that is left, and nothing for those that went', () => {
    const any = fc
      .tuple(
        fc.boolean(),
        fc.nat(2),
        fc.nat(2),
        fc.nat(3),
        fc.constantFrom(0, 80, 81),
        fc.constantFrom(6, 17),
      )
      .map(([six, a, b, c, port, protocol]) =>
        source(six ? `fd00:${a}:${b}::${c}` : `10.${a}.${b}.${c}`, port, protocol),
      );
    const many = fc.array(any, { maxLength: 30 });
    fc.assert(
      fc.property(many, many, fc.integer({ min: 2, max: 20 }), (left, gone, most) => {
        const answers = answersOf(...left);
        for (const want of gone.map((s) => answers.add(s))) want.release();
        for (const family of [AF_INET, AF_INET6] as const) {
          assert.deepEqual(words(answers, most, family), words(answersOf(...left), most, family));
          const found = answers.inFewWords(family, most);
          assert.ok(found.length <= most);
          for (const s of left.filter(({ address }) => address.family === family)) {
            const holds = found.some(
              ({ network, protocol, port }) =>
                protocol === s.protocol &&
                (port === 0 || port === s.port) &&
                bits(s.address).startsWith(bits(network.address).slice(0, network.length)),
            );
            assert.ok(holds, keyOf(s));
          }
        }
      }),
    );
  });
});

function bits(address: Parameters<typeof inetBytes>[0]): string {
  return [...inetBytes(address)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
}
