import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Packet } from '../../wire/packet.js';
import { echoOptions } from './echo-options.js';
import { compileOptions } from './ip-options.js';

const OWN = 0x0a010001;
const SENDER = 0x0a01000a;
const FROM = { own: OWN, time: 0x01020304, isUnicast: (addr: number) => addr === 0x0a02000c };

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
    const options = compileOptions(p, FROM);
    assert.equal(options.recordedAddress, true);
    assert.equal(after(p), '070b080a0100010000000000');
  });

  it('stamps address and time', () => {
    const p = withOptions('440c05010000000000000000');
    compileOptions(p, FROM);
    assert.equal(after(p), '440c0d010a01000101020304');
  });

  it("sets the timestamp that is asked of any address but another host's", () => {
    const asked = (address: string): string => {
      const p = withOptions(`440c0503${address}00000000`);
      compileOptions(p, FROM);
      return after(p);
    };
    assert.equal(asked('0a010001'), '440c0d030a01000101020304');
    assert.equal(asked('00000000'), '440c0d030000000001020304');
    assert.equal(asked('0a02000c'), '440c05030a02000c00000000');
  });

  it('does nothing to timestamps of another kind', () => {
    const p = withOptions('440c05020000000000000000');
    const options = compileOptions(p, FROM);
    assert.deepEqual([options.fault, after(p)], [0, '440c05020000000000000000']);
  });

  it('leaves a full route as it is', () => {
    const p = withOptions('0707080102030400');
    assert.equal(compileOptions(p, FROM).changed, false);
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
    it(`points at ${what}`, () => assert.equal(compileOptions(withOptions(hex), FROM).fault, at));
  }

  it('tells of a source route', () => {
    assert.equal(compileOptions(withOptions('018307040a02000c'), FROM).sourceRoute, 21);
  });
});

describe('echoOptions', () => {
  const echo = (hex: string): string | undefined => {
    const p = withOptions(hex);
    const bytes = echoOptions(p, compileOptions(p, FROM), FROM, SENDER);
    return bytes && Buffer.from(bytes).toString('hex');
  };

  it("goes on recording, with the answer's address", () => {
    assert.equal(echo('070b04000000000000000000'), '070b0c0a0100010a01000100');
  });

  it('goes on stamping', () => {
    assert.equal(echo('440c05000000000000000000'), '440c0d000102030401020304');
  });

  it('survives options that are none, in a packet that was taken out of another', () => {
    const p = withOptions('070b00000000000000000000');
    const options = { ...compileOptions(withOptions('070b04000000000000000000'), FROM), timestamp: 21 };
    for (let pointer = 0; pointer < 256; pointer++) {
      p.bytes[p.data + 22] = pointer;
      const bytes = echoOptions(p, options, FROM, SENDER);
      assert.ok(bytes === undefined || bytes.length <= 40);
    }
  });

  it('leaves out what is not for both ways', () => {
    assert.equal(echo('94040000'), '');
  });

  it('walks a source route backwards, without its first hop and without the sender twice', () => {
    assert.equal(echo('830b0c0a02000f0a02001000'), '830b040a02000f0a01000a00');
    assert.equal(echo('830b0c0a01000a0a02001000'), '8307040a01000a00');
    assert.equal(echo('8307080a01000a00'), '');
    assert.equal(echo('8307040a02000f00'), '');
  });
});
