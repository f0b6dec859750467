import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EngineLoad } from '../../bench/support/engine-load.js';
import { portOf } from '../../bench/support/flow-stream.js';
import { HEADROOM, Packet } from '../wire/packet.js';
import { IPPROTO_UDP } from './flags.js';
import { FORESEEN_MAX, foresee } from './foresee.js';

const COUNT = 500;

describe('looking ahead', () => {
  for (const v6 of [false, true]) {
    const load = new EngineLoad(IPPROTO_UDP, v6, COUNT, 1024);
    load.open();
    const { conns } = load.net.ipvs;
    const words = (...hex: number[]): Int32Array => Int32Array.from(hex);
    const [client, vip] = v6
      ? [words(0xfd00_0001, 0, 0, 0x1400_0001), words(0xfd00_0001, 0, 0, 0x100)]
      : [words(0x1400_0001), words(0x0a01_0064)];

    it(`nearly always finds the connection that a packet belongs to, ${v6 ? 'IPv6' : 'IPv4'}`, () => {
      let found = 0;
      for (let flow = 0; flow < COUNT; flow++) {
        const ports = (portOf(flow) << 16) | 80;
        if (v6) conns.find6(IPPROTO_UDP, client, vip, ports);
        else conns.find4(IPPROTO_UDP, client[0]!, vip[0]!, ports);
        const hash = v6
          ? conns.hash6(IPPROTO_UDP, client, vip, ports)
          : conns.hash4(IPPROTO_UDP, client[0]!, vip[0]!, ports);
        assert.ok(conns.foundIn >= 0);
        if (conns.peekSlots(hash) === conns.foundIn) found++;
      }
      // slots know seven bits of a hash
      assert.ok(found > 0.9 * COUNT, `${found} of ${COUNT}`);
    });

    it(`takes any bytes for a packet, and changes nothing, ${v6 ? 'IPv6' : 'IPv4'}`, () => {
      const before = Buffer.from(conns.hot.buffer).toString('base64');
      const packets = Array.from({ length: FORESEEN_MAX }, () => new Packet());
      const bytes = fc.uint8Array({ minLength: 0, maxLength: 80 });
      fc.assert(
        fc.property(fc.array(bytes, { minLength: 1, maxLength: FORESEEN_MAX }), (inputs) => {
          for (const [i, input] of inputs.entries()) {
            const p = packets[i]!;
            p.load(input);
            assert.equal(p.data, HEADROOM);
          }
          assert.equal(typeof foresee(conns, packets, inputs.length), 'number');
        }),
      );
      assert.equal(Buffer.from(conns.hot.buffer).toString('base64'), before);
    });
  }
});
