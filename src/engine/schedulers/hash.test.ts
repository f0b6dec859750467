/** What is hashed, and how. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SchedulerPlay } from '../../../test/support/scheduler-play.js';
import { AF_INET, AF_INET6, parseInet } from '../../wire/inet.js';
import { IPPROTO_AH, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../flags.js';
import { clientKey, foldAddress, hash32 } from './hash.js';

describe('foldAddress', () => {
  it('takes an IPv4 address as it is and an IPv6 address as the exclusive or of its words', () => {
    assert.equal(foldAddress(AF_INET, parseInet('10.1.0.9')!.words), 0x0a010009);
    const words = parseInet('fd00:1:2:3:4:5:6:7')!.words;
    assert.equal(foldAddress(AF_INET6, words) >>> 0, 0xfd00_0000);
  });
});

describe('hash32', () => {
  it('is the top of the product with the golden ratio', () => {
    assert.equal(hash32(1, 8), 0x61);
    assert.equal(hash32(1, 32), 0x61c88647);
    assert.equal(hash32(0x0a010009, 10), Number(((0x0a010009n * 0x61c88647n) & 0xffff_ffffn) >> 22n));
  });
});

describe('clientKey', () => {
  const client = 0x0a01000a;

  it('is the client, with the port only when asked for and the protocol has one', () => {
    const play = new SchedulerPlay('rr');
    for (const [protocol, port] of [
      [IPPROTO_TCP, 40_000],
      [IPPROTO_UDP, 40_000],
      [IPPROTO_SCTP, 40_000],
      [IPPROTO_AH, 0],
    ] as const) {
      play.header(0, protocol);
      assert.equal(clientKey(play.packet, play.iph, false), client);
      assert.equal(clientKey(play.packet, play.iph, true), client + port);
    }
  });

  it('is the destination in a header inside an ICMP error', () => {
    const play = new SchedulerPlay('rr');
    play.inverseHeader(0);
    assert.equal(clientKey(play.packet, play.iph, true), client + 40_000);
  });

  it('has no port when the packet ends before it', () => {
    const play = new SchedulerPlay('rr');
    play.header(0);
    play.packet.len = 23;
    assert.equal(clientKey(play.packet, play.iph, true), client);
  });
});
