/** Calls of setsockopt and getsockopt of IPVS, right ones and spoilt ones. They share no code with `src/control/sockopt`. */
import fc from 'fast-check';
import { concat } from './bytes.js';
import { damaged } from './fuzz-events.js';
import { addr, pack } from './packets.js';

/** An option that is set, or got into a buffer with these bytes in it. */
export interface OptionCall {
  readonly how: 'set' | 'get';
  readonly option: number;
  readonly bytes: Uint8Array;
}

/** A number in the machine's order. */
function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** A text in a field of 16 bytes. */
function name(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(Array.from(text, (letter) => letter.charCodeAt(0)));
  return bytes;
}

const word = fc.constantFrom(0, 1, 2, 60, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff);

/** Protocol, padding, address, port, padding, mark: how all structures about a service begin. */
const identity = fc
  .tuple(
    fc.constantFrom(6, 6, 17, 132, 99),
    fc.constantFrom('10.1.0.100', '10.1.0.100', '0.0.0.0'),
    fc.constantFrom(80, 80, 81, 0),
    fc.constantFrom(0, 0, 0, 1),
  )
  .map(([protocol, address, port, mark]) =>
    mark === 0
      ? concat(Uint8Array.of(protocol, 0, 0, 0), addr(address), pack([16, port], [16, 0]), u32(0))
      : concat(Uint8Array.of(6, 0, 0, 0), new Uint8Array(8), u32(mark)),
  );

/** `struct ip_vs_service_user`, 44 bytes. */
const service = fc
  .tuple(
    identity,
    fc.constantFrom('rr', 'wlc', 'sh', 'mh', 'none', 'nonsense', '', 'sixteen-letters!'),
    fc.constantFrom(0, 1, 5, 0x18),
    fc.constantFrom(0, 60),
    fc.constantFrom(0xffff_ffff, 0),
  )
  .map(([id, scheduler, flags, timeout, netmask]) =>
    concat(id, name(scheduler), u32(flags), u32(timeout), u32(netmask)),
  );

/** `struct ip_vs_dest_user`, 24 bytes. */
const dest = fc
  .tuple(
    fc.constantFrom('10.2.0.11', '10.2.0.12', '224.0.0.1'),
    fc.constantFrom(8080, 80, 0),
    fc.constantFrom(0, 1, 2, 3, 4, 0x83),
    fc.constantFrom(1, 0, 2, 0x7fff_ffff, 0xffff_ffff),
    fc.constantFrom(0, 0, 1, 0x7fff_ffff),
    fc.constantFrom(0, 0, 0, 2),
  )
  .map(([address, port, method, weight, upper, lower]) =>
    concat(addr(address), pack([16, port], [16, 0]), u32(method), u32(weight), u32(upper), u32(lower)),
  );

const daemon = fc
  .tuple(fc.constantFrom(1, 2, 0, 3), fc.constantFrom('eth0', 'none0', ''), fc.constantFrom(0, 7, 255, 256))
  .map(([state, device, syncid]) => concat(u32(state), name(device), u32(syncid)));

const both = fc.tuple(service, dest).map((parts) => concat(...parts));
const timeouts = fc.tuple(word, word, word).map((values) => concat(...values.map(u32)));
const nothing = fc.constant(new Uint8Array());
const room = (length: number) =>
  fc.constantFrom(length, length, length, length + 1, 0).map((n) => new Uint8Array(n));

/** Room for so many entries behind a header, and the number that says so. */
const entries = (header: fc.Arbitrary<Uint8Array>, size: number) =>
  fc
    .tuple(header, fc.constantFrom(0, 1, 4), fc.constantFrom(0, 0, 0, 1, 0xffff_ffff))
    .map(([start, n, more]) => concat(start, u32(n + more), new Uint8Array(4 + n * size)));

const SET: Record<number, fc.Arbitrary<Uint8Array>> = {
  1154: service,
  1155: service,
  1156: service,
  1157: nothing,
  1159: both,
  1160: both,
  1161: both,
  1162: timeouts,
  1163: daemon,
  1164: daemon,
  1167: service,
};

const GET: Record<number, fc.Arbitrary<Uint8Array>> = {
  1152: room(64),
  1153: room(12),
  1154: entries(nothing, 104),
  1155: fc.tuple(identity, room(88)).map((parts) => concat(...parts)),
  1156: entries(identity, 96),
  1158: room(12),
  1159: room(48),
};

/** Options that change much are rare. */
const OFTEN: Record<number, number> = { 1154: 5, 1159: 6, 1157: 1 };

function calls(how: OptionCall['how'], of: typeof SET): fc.Arbitrary<OptionCall> {
  const each = Object.entries(of).map(([option, bytes]) => ({
    weight: OFTEN[Number(option)] ?? 2,
    arbitrary: bytes.map((b): OptionCall => ({ how, option: Number(option), bytes: b })),
  }));
  return fc.oneof(...each);
}

/** A call, of which the option, the length or the bytes may be wrong. */
export const optionCall: fc.Arbitrary<OptionCall> = fc
  .oneof({ weight: 3, arbitrary: calls('set', SET) }, { weight: 1, arbitrary: calls('get', GET) })
  .chain((call) => {
    const spoilt = damaged(call.bytes).map((bytes) => ({ ...call, bytes }));
    const other = fc.integer({ min: 1150, max: 1170 }).map((option) => ({ ...call, option }));
    return fc.oneof(
      { weight: 8, arbitrary: fc.constant(call) },
      { weight: 3, arbitrary: spoilt },
      { weight: 1, arbitrary: other },
    );
  });
