/** The assembler against an independent reader, and what it refuses. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Assembler } from './assembler.js';
import { disassemble } from './disassemble.js';
import { CONDITION, type Condition } from './isa.js';
import { r0, r1, r6, register } from './operand.js';
import { relocate } from './program.js';
import { be32, record, u8, u16, u32, u64 } from './record.js';

const ALU = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  mod: '%=',
  and: '&=',
  or: '|=',
  xor: '^=',
  lsh: '<<=',
  rsh: '>>=',
  arsh: 's>>=',
  mov: '=',
} as const;
const registerArb = fc.integer({ min: 0, max: 9 }).map((n) => register(n, `name${n}`));
const immArb = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const sideArb = fc.oneof(registerArb, immArb);
const memoryArb = fc.record({
  base: registerArb,
  offset: fc.integer({ min: -0x8000, max: 0x7fff }),
  size: fc.constantFrom(1, 2, 4, 8),
  name: fc.constant('place'),
});

/** Appends to a program, and says what must be read back. */
type Step = (a: Assembler) => string;

const side = (operand: { number: number } | number, letter: string): string =>
  typeof operand === 'number' ? `${operand}` : `${letter}${operand.number}`;
const sign = (n: number): string => (n < 0 ? `${n}` : `+${n}`);
const place = (m: { base: { number: number }; offset: number; size: number }): string =>
  `*(u${m.size * 8} *)(r${m.base.number} ${sign(m.offset)})`;

const aluArb: fc.Arbitrary<Step> = fc
  .record({
    name: fc.constantFrom(...(Object.keys(ALU) as (keyof typeof ALU)[])),
    dst: registerArb,
    src: sideArb,
    narrow: fc.boolean(),
  })
  .map(({ name, dst, src, narrow }) => (a) => {
    a[narrow ? (`${name}32` as const) : name](dst, src);
    const letter = narrow ? 'w' : 'r';
    return `${letter}${dst.number} ${ALU[name]} ${side(src, letter)}`;
  });
const unaryArb: fc.Arbitrary<Step> = fc
  .record({
    dst: registerArb,
    what: fc.constantFrom<'neg' | 'neg32' | 16 | 32 | 64>('neg', 'neg32', 16, 32, 64),
  })
  .map(({ dst, what }) => (a) => {
    if (what === 'neg' || what === 'neg32') {
      a[what](dst);
      const letter = what === 'neg' ? 'r' : 'w';
      return `${letter}${dst.number} = -${letter}${dst.number}`;
    }
    a.toBigEndian(dst, what);
    return `r${dst.number} = be${what} r${dst.number}`;
  });
const memoryStepArb: fc.Arbitrary<Step> = fc
  .record({
    memory: memoryArb,
    operand: registerArb,
    imm: immArb,
    what: fc.constantFrom('load', 'store', 'storeImm', 'add', 'fetch', 'or'),
  })
  .map(({ memory, operand, imm, what }) => (a) => {
    const wide = { ...memory, size: Math.max(4, memory.size) };
    switch (what) {
      case 'load':
        a.load(operand, memory);
        return `r${operand.number} = ${place(memory)}`;
      case 'store':
        a.store(memory, operand);
        return `${place(memory)} = r${operand.number}`;
      case 'storeImm':
        a.store(memory, imm);
        return `${place(memory)} = ${imm}`;
      case 'add':
        a.atomicAdd(wide, operand);
        return `lock ${place(wide)} += r${operand.number}`;
      case 'fetch':
        a.atomicFetchAdd(wide, operand);
        return `r${operand.number} = lock ${place(wide)} += r${operand.number}`;
      default:
        a.atomicOr(wide, operand);
        return `lock ${place(wide)} |= r${operand.number}`;
    }
  });
const wideArb: fc.Arbitrary<Step> = fc
  .record({ dst: registerArb, value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) })
  .map(({ dst, value }) => (a) => {
    a.movImm64(dst, value);
    return `r${dst.number} = 0x${value.toString(16)}`;
  });
const jumpArb: fc.Arbitrary<Step> = fc
  .record({
    left: registerArb,
    right: sideArb,
    condition: fc.constantFrom(...(Object.keys(CONDITION) as Condition[])),
    narrow: fc.boolean(),
  })
  .map(({ left, right, condition, narrow }) => (a) => {
    // over one instruction
    const label = a.newLabel('over');
    a[narrow ? 'jumpIf32' : 'jumpIf'](left, condition, right, label).mov(r0, 7).label(label);
    const letter = narrow ? 'w' : 'r';
    return `if ${letter}${left.number} ${condition} ${side(right, letter)} goto +1\nr0 = 7`;
  });

test('what is written is read back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(aluArb, unaryArb, memoryStepArb, wideArb, jumpArb), { maxLength: 40 }),
      (steps) => {
        const a = new Assembler('property');
        const expected = steps.map((step) => step(a));
        const { instructions, sources } = a.exit().finish();
        const read = disassemble(instructions);
        assert.equal(read.length, sources.length);
        assert.deepEqual(
          read.filter((text) => text !== ''),
          [...expected, 'exit'].join('\n').split('\n'),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

describe('labels', () => {
  test('lead forwards and backwards', () => {
    const a = new Assembler('labels');
    a.label('start').jumpIf(r1, '==', 0, 'end').sub(r1, 1).jump('start').label('end').exit();
    assert.deepEqual(disassemble(a.finish().instructions), [
      'if r1 == 0 goto +2',
      'r1 -= 1',
      'goto -3',
      'exit',
    ]);
  });

  test('are counted past 64-bit numbers, which take two places', () => {
    const a = new Assembler('wide');
    a.jumpIf(r1, '==', 0, 'end').movMap(r1, 'flows').label('end').exit();
    assert.equal(disassemble(a.finish().instructions)[0], 'if r1 == 0 goto +2');
  });
});

test('maps are put in by their descriptors', () => {
  const program = new Assembler('maps')
    .movMap(r1, 'flows')
    .movMap(r6, 'ways')
    .movMapValue(r0, 'ways')
    .exit()
    .finish();
  assert.deepEqual(disassemble(relocate(program, { flows: 7, ways: 8 })), [
    'r1 = map[fd:7]',
    '',
    'r6 = map[fd:8]',
    '',
    'r0 = map[fd:8][0]+0',
    '',
    'exit',
  ]);
  assert.throws(() => relocate(program, { flows: 7 }), /program maps: no map ways/);
});

describe('a mistake is named with its instruction', () => {
  const mistakes: readonly (readonly [string, (a: Assembler) => unknown, RegExp])[] = [
    [
      'unknown label',
      (a) => a.jumpIf(r1, '==', 0, 'nowhere').exit().finish(),
      /at : "if r1 == 0 goto nowhere": no label nowhere/,
    ],
    [
      'label at the end',
      (a) => a.jumpIf(r1, '==', 0, 'end').exit().label('end').finish(),
      /nothing follows label end/,
    ],
    ['label given twice', (a) => a.label('x').mov(r0, 0).label('x'), /label x stands twice/],
    [
      'jump too far',
      (a) => {
        a.jumpIf(r1, '==', 0, 'far');
        for (let i = 0; i < 40_000; i++) a.mov(r0, 0);
        a.label('far').exit().finish();
      },
      /far is too far away: 40000/,
    ],
    [
      'number too large',
      (a) => a.label('sum').add(r1, 0x8000_0000),
      /at sum: "r1 add = 2147483648": 2147483648 does not fit/,
    ],
    [
      'offset too large',
      (a) => a.load(r1, { base: r6, offset: 40_000, size: 4, name: 'x' }),
      /offset 40000 does not fit/,
    ],
    ['width', (a) => a.load(r1, { base: r6, offset: 0, size: 6, name: 'mac' }), /"r6->mac": 6 bytes at once/],
    ['atomic byte', (a) => a.atomicAdd({ base: r6, offset: 0, size: 1, name: 'x' }, r1), /4 or 8 bytes/],
    ['no exit', (a) => a.mov(r0, 0).finish(), /the end is reached without exit/],
    ['dead code', (a) => a.exit().mov(r0, 0).exit().finish(), /"r0 = 0": nothing leads here/],
    ['stack', (a) => a.stack(record('big', { x: u32 }, 520)), /520 bytes of stack/],
    ['name', () => new Assembler('much too long a name'), /no name of a program/],
  ];
  for (const [what, mistake, message] of mistakes) {
    test(what, () => assert.throws(() => mistake(new Assembler('wrong')), message));
  }
});

describe('records', () => {
  const layout = record('thing', { a: u8, b: u16, c: u64, d: be32 });

  test('lie as C lays them out', () => {
    const { a, b, c, d } = layout.fields;
    assert.deepEqual([a.offset, b.offset, c.offset, d.offset, layout.size], [0, 2, 8, 16, 24]);
  });

  test('give operands on the stack', () => {
    const a = new Assembler('stack');
    const first = a.stack(layout);
    const second = a.stack(layout);
    a.store(first.c, 1).load(r1, second.b).exit();
    assert.deepEqual(disassemble(a.finish().instructions).slice(0, 2), [
      '*(u64 *)(r10 -16) = 1',
      'r1 = *(u16 *)(r10 -46)',
    ]);
    assert.equal(second.offset, -48);
  });

  test('are read as they were written', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(65_535), fc.maxSafeNat(), fc.integer(), (a, b, c, d) => {
        const view = new DataView(new ArrayBuffer(40));
        layout.write(view, 8, { a, b, c, d });
        assert.deepEqual(layout.read(view, 8), { a, b, c, d });
        assert.equal(view.getBigUint64(16, true), BigInt(c));
        assert.equal(view.getInt32(24), d);
      }),
    );
  });
});
