/** Messages to the generic netlink family `IPVS`, right ones and spoilt ones. They share no code with `src/control/genl`. */
import fc from 'fast-check';
import { concat } from './bytes.js';
import { addr } from './packets.js';

/** An attribute: its bytes, or attributes inside it. */
interface Attribute {
  readonly type: number;
  readonly value: Uint8Array | readonly Attribute[];
  /** Overrides the true length, header included. */
  readonly length?: number;
}

/** A message before it is bytes. */
interface Message {
  readonly command: number;
  readonly attributes: readonly Attribute[];
}

const FAMILY = 1023;
const REQUEST = 1;
const ACK = 4;
const DUMP = 0x300;

const bytes = (length: number, set: (view: DataView) => void): Uint8Array => {
  const value = new Uint8Array(length);
  set(new DataView(value.buffer));
  return value;
};
const u8 = (n: number) => Uint8Array.of(n);
const u16 = (n: number) => bytes(2, (v) => v.setUint16(0, n, true));
const be16 = (n: number) => bytes(2, (v) => v.setUint16(0, n));
const u32 = (n: number) => bytes(4, (v) => v.setUint32(0, n, true));
const text = (name: string) =>
  concat(
    Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
    u8(0),
  );

/** A record of attributes, each by itself optional with a small chance of being left out. */
function attributes(of: Record<number, fc.Arbitrary<Attribute['value']>>): fc.Arbitrary<Attribute[]> {
  const each = Object.entries(of).map(([type, value]) =>
    value.map((v) => ({ type: Number(type), value: v })),
  );
  return fc.tuple(...each);
}

const INET = 2;
const INET6 = 10;
const word = fc.constantFrom(0, 1, 2, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff).map(u32);
const small = fc.constantFrom(0, 1, 2, 60).map(u32);

const family = fc.constantFrom(INET, INET, INET, INET6);
const VIPS = { [INET]: '10.1.0.100', [INET6]: 'fd00:1::100' } as const;
const SERVERS = { [INET]: ['10.2.0.11', '10.2.0.12'], [INET6]: ['fd00:2::11', 'fd00:2::12'] } as const;

const service = (whole: boolean): fc.Arbitrary<Attribute[]> =>
  family.chain((af) => {
    const name = {
      1: fc.constant(u16(af)),
      2: fc.constantFrom(6, 6, 17, 132).map(u16),
      3: fc.constant(addr(VIPS[af])),
      4: fc.constantFrom(80, 80, 81, 0).map(be16),
    };
    const mark = { 1: fc.constant(u16(af)), 5: fc.constantFrom(1, 1, 2, 0).map(u32) };
    const rest = {
      6: fc.constantFrom('rr', 'wrr', 'wlc', 'sh', 'mh', 'lblc', 'none', 'nonsense', '').map(text),
      7: fc
        .tuple(
          fc.constantFrom(0, 1, 4, 0x18, 0x3d, 0xffff_ffff),
          fc.constantFrom(0xffff_ffff, 0xffff_ffff, 1, 0),
        )
        .map(([flags, mask]) => concat(u32(flags), u32(mask))),
      8: small,
      9:
        af === INET
          ? fc.constantFrom(0xffff_ffff, 0xffffff, 0).map(u32)
          : fc.constantFrom(128, 64, 0, 129).map(u32),
    };
    const pe = fc.constantFrom<Attribute[]>(
      [],
      [],
      [{ type: 11, value: text('sip') }],
      [{ type: 11, value: text('x') }],
    );
    const key = fc.oneof(
      { weight: 4, arbitrary: attributes(name) },
      { weight: 1, arbitrary: attributes(mark) },
    );
    return whole ? fc.tuple(key, attributes(rest), pe).map(([a, b, c]) => [...a, ...b, ...c]) : key;
  });

const dest = (whole: boolean): fc.Arbitrary<Attribute[]> =>
  family.chain((af) => {
    const name = {
      1: fc.constantFrom(...SERVERS[af]).map((address) => addr(address)),
      2: fc.constantFrom(80, 8080, 0).map(be16),
    };
    const rest = {
      3: fc.constantFrom(0, 1, 2, 3, 4, 0x88).map(u32),
      4: fc.constantFrom(1, 0, 2, 0x7fff_ffff, 0xffff_ffff).map(u32),
      5: fc.constantFrom(0, 1, 2, 0x7fff_ffff).map(u32),
      6: fc.constantFrom(0, 0, 1).map(u32),
    };
    const tunnel = fc.constantFrom<Attribute[]>(
      [],
      [],
      [
        { type: 13, value: u8(1) },
        { type: 14, value: be16(6080) },
        { type: 15, value: u16(1) },
      ],
      [{ type: 13, value: u8(1) }],
      [{ type: 13, value: u8(2) }],
    );
    const own = fc.constantFrom<Attribute[]>(
      [],
      [{ type: 11, value: u16(af) }],
      [{ type: 11, value: u16(0) }],
    );
    return whole
      ? fc.tuple(attributes(name), attributes(rest), tunnel, own).map((parts) => parts.flat())
      : fc.tuple(attributes(name), own).map((parts) => parts.flat());
  });

const daemon: fc.Arbitrary<Attribute[]> = fc
  .tuple(
    attributes({
      1: fc.constantFrom(1, 2, 0, 3).map(u32),
      2: fc.constantFrom('eth0', 'none0', '').map(text),
      3: fc.constantFrom(0, 7, 255, 256).map(u32),
    }),
    fc.subarray<Attribute>([
      { type: 4, value: u16(1000) },
      { type: 5, value: addr('224.0.0.90') },
      { type: 6, value: addr('ff02::90') },
      { type: 7, value: u16(9000) },
      { type: 8, value: u8(3) },
    ]),
  )
  .map((parts) => parts.flat());

const inside = (type: number, value: fc.Arbitrary<Attribute[]>) =>
  value.map((v): Attribute => ({ type, value: v }));
const command = (number: number, ...parts: fc.Arbitrary<Attribute>[]): fc.Arbitrary<Message> =>
  fc.tuple(...parts).map((found) => ({ command: number, attributes: found }));

const timeouts = fc
  .tuple(word, word, word)
  .map((values) => values.map((value, i): Attribute => ({ type: 4 + i, value })))
  .chain((all) => fc.subarray(all));

/** A message that a program could mean. */
const meant: fc.Arbitrary<Message> = fc.oneof(
  { weight: 8, arbitrary: command(1, inside(1, service(true))) },
  { weight: 4, arbitrary: command(2, inside(1, service(true))) },
  { weight: 1, arbitrary: command(3, inside(1, service(false))) },
  { weight: 2, arbitrary: command(4, inside(1, service(false))) },
  { weight: 8, arbitrary: command(5, inside(1, service(false)), inside(2, dest(true))) },
  { weight: 4, arbitrary: command(6, inside(1, service(false)), inside(2, dest(true))) },
  { weight: 2, arbitrary: command(7, inside(1, service(false)), inside(2, dest(false))) },
  { weight: 2, arbitrary: command(8, inside(1, service(false))) },
  { weight: 2, arbitrary: command(9, inside(3, daemon)) },
  { weight: 2, arbitrary: command(10, inside(3, daemon)) },
  { weight: 1, arbitrary: command(11) },
  { weight: 2, arbitrary: timeouts.map((found) => ({ command: 12, attributes: found })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(13, 14, 15, 0, 18, 255).map((number) => ({ command: number, attributes: [] })),
  },
  { weight: 1, arbitrary: command(16, inside(1, service(false))) },
  { weight: 1, arbitrary: fc.constantFrom(16, 17).map((number) => ({ command: number, attributes: [] })) },
);

/** How one attribute is spoilt. */
const spoiling = fc.record({
  /** Which one, counted through all of the message. */
  at: fc.nat(20),
  how: fc.constantFrom('drop', 'twice', 'type', 'flags', 'cut', 'more', 'lie', 'bytes', 'nest', 'swap'),
  by: fc.oneof(fc.nat(20), fc.nat(0xffff)),
  value: fc.uint8Array({ maxLength: 20 }),
});
type Spoiling = typeof spoiling extends fc.Arbitrary<infer T> ? T : never;

function spoil(all: readonly Attribute[], { at, how, by, value }: Spoiling): Attribute[] {
  let left = at % Math.max(1, count(all));
  const walk = (list: readonly Attribute[]): Attribute[] =>
    list.flatMap((a) => {
      if (left-- === 0) return change(a);
      return [Array.isArray(a.value) ? { ...a, value: walk(a.value) } : a];
    });
  const change = (a: Attribute): Attribute[] => {
    const raw = a.value instanceof Uint8Array ? a.value : encode(a.value);
    switch (how) {
      case 'drop':
        return [];
      case 'twice':
        return [a, a];
      case 'type':
        return [{ ...a, type: by & 0x3fff }];
      case 'flags':
        return [{ ...a, type: a.type | 0x8000 | (by & 0x4000) }];
      case 'cut':
        return [{ ...a, value: raw.subarray(0, by % (raw.length + 1)) }];
      case 'more':
        return [{ ...a, value: concat(raw, value) }];
      case 'lie':
        return [{ ...a, length: by }];
      case 'bytes':
        return [{ ...a, value }];
      case 'nest':
        return [{ ...a, value: [a] }];
      default:
        return [{ type: by & 15, value }, a];
    }
  };
  return walk(all);
}

function count(all: readonly Attribute[]): number {
  return all.reduce((n, { value }) => n + 1 + (value instanceof Uint8Array ? 0 : count(value)), 0);
}

function encode(all: readonly Attribute[]): Uint8Array {
  return concat(
    ...all.map(({ type, value, length }) => {
      const raw = value instanceof Uint8Array ? value : encode(value);
      const padding = new Uint8Array(-raw.length & 3);
      return concat(u16(length ?? 4 + raw.length), u16(type), raw, padding);
    }),
  );
}

/** One message, header and all, that may be spoilt in any of its parts. */
export const netlinkMessage: fc.Arbitrary<Uint8Array> = fc
  .record({
    message: meant,
    spoilings: fc.oneof(
      { weight: 6, arbitrary: fc.constant<Spoiling[]>([]) },
      { weight: 4, arbitrary: fc.array(spoiling, { minLength: 1, maxLength: 3 }) },
    ),
    flags: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(REQUEST | ACK, REQUEST | ACK, REQUEST | DUMP) },
      { weight: 1, arbitrary: fc.constantFrom(REQUEST, ACK, 0, REQUEST | 0x100, REQUEST | ACK | 0xf800) },
    ),
    family: fc.oneof({ weight: 30, arbitrary: fc.constant(FAMILY) }, { weight: 1, arbitrary: fc.nat(15) }),
    version: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat(255) }),
    cut: fc.oneof({ weight: 15, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(60) }),
    sequence: fc.nat(0xffff_ffff),
  })
  .map(({ message, spoilings, flags, family: type, version, cut, sequence }) => {
    const spoilt = spoilings.reduce<readonly Attribute[]>(spoil, message.attributes);
    const dump = [4, 8, 11].includes(message.command);
    const body = concat(u8(message.command), u8(version), u16(0), encode(spoilt)).subarray(
      0,
      cut ?? undefined,
    );
    // what can only be dumped, and what never can, is asked for rightly most of the time
    const asked = (flags & DUMP) === DUMP && !dump ? REQUEST | ACK : flags;
    return concat(u32(16 + body.length), u16(type), u16(asked), u32(sequence), u32(0), body);
  });
