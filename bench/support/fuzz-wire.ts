/** The parsers of `src/wire`, each called on any bytes. */
import { fragment4, fragment6 } from '../../src/wire/fragment.js';
import { findTransport, HeaderStack } from '../../src/wire/header-stack.js';
import { buildIcmpError } from '../../src/wire/icmp-error.js';
import { parseInet } from '../../src/wire/inet.js';
import { ipv4Version } from '../../src/wire/ipv4.js';
import { Packet } from '../../src/wire/packet.js';
import { completeChecksum } from '../../src/wire/partial-checksum.js';
import { Reassembler } from '../../src/wire/reassembly.js';
import { segmentTcp } from '../../src/wire/segment.js';
import type { Random } from './random.js';

const SOURCES = [parseInet('10.1.0.1')!, parseInet('fd00:1::1')!];

/** Feeds packets to the parsers, and checks what can be said about their results whatever the bytes. */
export class WireFuzzer {
  private readonly random: Random;
  private readonly reassembler = new Reassembler({ timeoutMs: 1000, maxBytes: 200_000 });
  private readonly out = new Packet();
  private readonly stack = new HeaderStack();
  private now = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** Tries one parser, chosen at random, on `p`, which is used up. @throws when the parser does, or gives what it must not. */
  run(p: Packet): void {
    const { random } = this;
    switch (random.below(6)) {
      case 0:
        this.reassemble(p);
        break;
      case 1:
        this.fragment(p);
        break;
      case 2:
        segmentTcp(p, check);
        break;
      case 3:
        completeChecksum(p);
        break;
      case 4:
        if (findTransport(p, random.oneIn(2) ? 6 : 17, this.stack))
          expect(this.stack.transport <= p.len, 'transport');
        break;
      default:
        if (buildIcmpError(this.out, p, random.below(16), 0, random.next(), random.pick(SOURCES))) {
          expect(this.out.len <= 1280, 'length of an ICMP error');
        }
    }
  }

  private reassemble(p: Packet): void {
    this.reassembler.input(p, ++this.now);
    check(p);
    expect(this.reassembler.bytes <= 200_000, 'memory of the reassembler');
    this.reassembler.expire(this.now);
  }

  private fragment(p: Packet): void {
    if (p.len === 0) return;
    const mtu = 28 + this.random.below(600);
    const whole = p.len;
    const fits = (bytes: Uint8Array) =>
      expect(bytes.length <= Math.max(mtu, 1280) && bytes.length <= whole + 8 + 60, 'fragment');
    if (ipv4Version(p.view, p.data) === 4) fragment4(p, mtu, fits);
    else fragment6(p, mtu, this.random.next(), fits);
  }
}

function check(p: Packet): void {
  expect(p.len >= 0 && p.data >= 0 && p.data + p.len <= p.bytes.length, 'bounds of a packet');
}

function expect(truth: boolean, what: string): void {
  if (!truth) throw new Error(`wrong: ${what}`);
}
