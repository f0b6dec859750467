import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Packet } from '../../wire/packet.js';
import { compileOptions, echoOptions } from './ip-options.js';

const OWN = 0x0a010001;

/** A packet with these options and no payload. */
function withOptions(hex: string): Packet {
  const options = Buffer.from(hex, 'hex');
  const bytes = new Uint8Array(20 + options.length);
  bytes[0] = 0x40 | (bytes.length >>> 2);
  bytes.set(options, 20);
  const p = new Packet();
  p.load(bytes);
  return p;
}

const after = (p: Packet): string => Buffer.from(p.payload().slice(20)).toString('hex');

describe('compileOptions', () => {
  it('records the own address where there is room', () => {
    const p = withOptions('070b04000000000000000000');
    const options = compileOptions(p, OWN, 0);
    assert.equal(options.recordedAddress, true);
    assert.equal(after(p), '070b080a0100010000000000');
  });

  it('stamps address and time', () => {
    const p = withOptions('440c05010000000000000000');
    compileOptions(p, OWN, 0x01020304);
    assert.equal(after(p), '440c0d010a01000101020304');
  });

  it('leaves a full route as it is', () => {
    const p = withOptions('0707080102030400');
    assert.equal(compileOptions(p, OWN, 0).changed, false);
  });

  const malformed: [string, string, number][] = [
    ['length 0', '88000000', 20],
    ['length 1', '01880100', 21],
    ['beyond the header', '88200000', 20],
    ['record route with pointer 3', '0707030000000000', 22],
    ['record route without room for an address', '0706040000000000', 22],
    ['record route twice', '070703000707030000000000', 22],
    ['no length', '01010188', 23],
  ];
  for (const [what, hex, at] of malformed) {
    it(`points at ${what}`, () => assert.equal(compileOptions(withOptions(hex), OWN, 0).fault, at));
  }

  it('tells of a source route', () => {
    assert.equal(compileOptions(withOptions('8307040a02000c00'), OWN, 0).sourceRoute, true);
  });
});

describe('echoOptions', () => {
  it("goes on recording, with the answer's address", () => {
    const p = withOptions('070b04000000000000000000');
    const options = compileOptions(p, OWN, 0);
    assert.equal(Buffer.from(echoOptions(p, options, OWN, 0)!).toString('hex'), '070b0c0a0100010a01000100');
  });

  it('leaves out what is not for both ways', () => {
    const p = withOptions('94040000');
    assert.equal(echoOptions(p, compileOptions(p, OWN, 0), OWN, 0)!.length, 0);
  });
});
