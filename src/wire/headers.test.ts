import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concat, filler, hex, viewOf } from '../../test/support/bytes.js';
import { csum, ip4, ip6, pack, SCTP, TCP, tcp, udp } from '../../test/support/packets.js';
import * as gre from './gre.js';
import * as gue from './gue.js';
import * as ipv4 from './ipv4.js';
import * as ipv6 from './ipv6.js';
import * as tcpHeader from './tcp.js';
import * as udpHeader from './udp.js';

const PORTS = [fc.nat(0xffff), fc.nat(0xffff)] as const;

describe('header views', () => {
  it('read IPv4', () => {
    const bytes = ip4('10.1.0.10', '250.1.0.100', 17, filler(8), {
      tos: 0x12,
      id: 0xabcd,
      ttl: 9,
      off: 800,
      mf: true,
      options: filler(4),
    });
    const v = viewOf(concat(filler(3), bytes));
    assert.equal(ipv4.ipv4Version(v, 3), 4);
    assert.equal(ipv4.ipv4HeaderLength(v, 3), 24);
    assert.equal(ipv4.ipv4Tos(v, 3), 0x12);
    assert.equal(ipv4.ipv4TotalLength(v, 3), 32);
    assert.equal(ipv4.ipv4Id(v, 3), 0xabcd);
    assert.equal(ipv4.ipv4FragOff(v, 3), ipv4.IP_DF | ipv4.IP_MF | 100);
    assert.equal(ipv4.ipv4IsFragment(v, 3), true);
    assert.equal(ipv4.ipv4Protocol(v, 3), 17);
    assert.equal(ipv4.ipv4Source(v, 3), 0x0a01_000a);
    assert.equal(ipv4.ipv4Destination(v, 3), 0xfa01_0064 | 0);
  });

  it('take DF alone for no fragment, and either of the others for one', () => {
    const fragment = (o: object) =>
      ipv4.ipv4IsFragment(viewOf(ip4('1.1.1.1', '2.2.2.2', 17, filler(8), o)), 0);
    assert.deepEqual(
      [fragment({ df: true }), fragment({ mf: true }), fragment({ off: 8 })],
      [false, true, true],
    );
  });

  it('read IPv6', () => {
    const v = viewOf(
      concat(filler(5), ip6('fd00::1', 'fd00::2', 17, filler(9), { tos: 0xb8, ttl: 3, flow: 0xfffff })),
    );
    assert.equal(ipv6.ipv6Version(v, 5), 6);
    assert.equal(ipv6.ipv6TrafficClass(v, 5), 0xb8);
    assert.equal(ipv6.ipv6PayloadLength(v, 5), 9);
    assert.equal(ipv6.ipv6NextHeader(v, 5), 17);
    assert.equal(ipv6.ipv6HopLimit(v, 5), 3);
    assert.equal(v.getUint8(5 + ipv6.IPV6_SOURCE), 0xfd);
    assert.equal(v.getUint8(5 + ipv6.IPV6_DESTINATION + 15), 2);
  });

  it('read TCP', () => {
    fc.assert(
      fc.property(
        ...PORTS,
        fc.nat(0xffff_ffff),
        fc.nat(0xffff_ffff),
        fc.nat(255),
        (sport, dport, seq, ack, flags) => {
          const v = viewOf(
            tcp('10.1.0.10', sport, '10.1.0.100', dport, flags, { seq, ack, tcpOptions: filler(10) }),
          );
          assert.deepEqual(
            [
              tcpHeader.tcpSourcePort(v, 20),
              tcpHeader.tcpDestinationPort(v, 20),
              tcpHeader.tcpSequence(v, 20),
              tcpHeader.tcpAck(v, 20),
              tcpHeader.tcpFlags(v, 20),
              tcpHeader.tcpHeaderLength(v, 20),
            ],
            [sport, dport, seq, ack, flags, 32],
          );
        },
      ),
    );
  });

  it('read UDP', () => {
    fc.assert(
      fc.property(...PORTS, (sport, dport) => {
        const u = viewOf(udp('fd00::1', sport, 'fd00::2', dport, { data: filler(5) }));
        assert.deepEqual(
          [udpHeader.udpSourcePort(u, 40), udpHeader.udpDestinationPort(u, 40), udpHeader.udpLength(u, 40)],
          [sport, dport, 13],
        );
      }),
    );
  });
});

describe('GRE', () => {
  it('is 4 bytes without a checksum', () => {
    const v = new DataView(new ArrayBuffer(8));
    gre.writeGre(v, 0, gre.ETH_P_IPV6, false);
    assert.equal(hex(new Uint8Array(v.buffer)), '000086dd00000000');
    assert.equal(gre.greHeaderLength(v, 0), 4);
  });

  it('has a checksum over all behind it, when asked', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 99 }), (packet) => {
        const bytes = concat(new Uint8Array(8).fill(0xee), packet);
        const v = viewOf(bytes);
        gre.writeGre(v, 0, gre.ETH_P_IP, true);
        assert.equal(v.getUint32(4), 0);
        gre.greSetChecksum(v, 0, bytes.length);
        assert.deepEqual(
          [gre.greFlags(v, 0), gre.greProtocol(v, 0), gre.greHeaderLength(v, 0)],
          [gre.GRE_CSUM, 0x0800, 8],
        );
        assert.equal(v.getUint16(6), 0);
        assert.equal(csum(bytes), 0);
        assert.deepEqual(bytes.subarray(8), packet);
      }),
    );
  });
});

describe('GUE', () => {
  it('is 4 bytes without options', () => {
    const v = viewOf(new Uint8Array(4).fill(0xee));
    gue.writeGue(v, 0, 41);
    assert.equal(v.getUint32(0), 0x0029_0000);
    assert.deepEqual(
      [gue.gueVersion(v, 0), gue.gueIsControl(v, 0), gue.gueHeaderLength(v, 0)],
      [0, false, 4],
    );
    assert.deepEqual([gue.gueProtocol(v, 0), gue.gueFlags(v, 0)], [41, 0]);
  });

  it('is 12 bytes with remote checksum offload', () => {
    const bytes = new Uint8Array(12).fill(0xee);
    gue.writeGueRemcsum(viewOf(bytes), 0, 4, 20, 36);
    assert.equal(hex(bytes), '020400018000000000140024');
    assert.equal(gue.gueHeaderLength(viewOf(bytes), 0), 12);
  });
});

describe('ipv6SkipExtensions', () => {
  const walk: ipv6.Ipv6Walk = { protocol: 0, offset: 0, fragment: 0, fragoffs: 0 };
  const skipped = (bytes: Uint8Array) =>
    ipv6.ipv6SkipExtensions(viewOf(bytes), 0, 40, bytes[6]!, bytes.length, walk) && { ...walk };
  const fragment = (next: number, at: number) => pack([8, next], [8, 0], [16, at], [32, 1]);

  it('stops at the header of a later fragment', () => {
    const later = ip6('fd00::1', 'fd00::2', 44, concat(fragment(TCP, 0x591), filler(20)));
    assert.deepEqual(skipped(later), { protocol: 44, offset: 40, fragment: 40, fragoffs: 0x590 });
    const first = ip6('fd00::1', 'fd00::2', 44, concat(fragment(TCP, 1), filler(20)));
    assert.deepEqual(skipped(first), { protocol: TCP, offset: 48, fragment: 40, fragoffs: 0 });
  });

  it('finds nothing behind "no next header", nor behind the end', () => {
    assert.equal(skipped(ip6('fd00::1', 'fd00::2', 59, filler(20))), false);
    assert.equal(skipped(ip6('fd00::1', 'fd00::2', 0, filler(1))), false);
  });
});

describe('ipv6Walk', () => {
  const walk: ipv6.Ipv6Walk = { protocol: 0, offset: 0, fragment: 0, fragoffs: 0 };
  const walked = (bytes: Uint8Array) => ipv6.ipv6Walk(viewOf(bytes), 0, bytes.length, walk) && { ...walk };
  const chain = (first: number, ...headers: Uint8Array[]) =>
    ip6('fd00::1', 'fd00::2', first, concat(...headers, filler(20)));
  const option = (next: number, units = 0) => concat(Uint8Array.of(next, units), filler(6 + 8 * units));
  const fragment = (next: number, at: number) => pack([8, next], [8, 0], [16, at], [32, 1]);

  it('finds the upper layer behind any extension headers', () => {
    const plain = { fragment: 0, fragoffs: 0 };
    assert.deepEqual(walked(chain(TCP)), { protocol: TCP, offset: 40, ...plain });
    assert.deepEqual(walked(chain(0, option(60), option(43, 2), option(TCP))), {
      protocol: TCP,
      offset: 80,
      ...plain,
    });
    assert.deepEqual(walked(chain(51, concat(Uint8Array.of(SCTP, 4), filler(22)))), {
      protocol: SCTP,
      offset: 64,
      ...plain,
    });
    assert.deepEqual(walked(chain(59)), { protocol: 59, offset: 40, ...plain });
  });

  it('passes the header of a first fragment, and stops at a later one', () => {
    assert.deepEqual(walked(chain(44, fragment(60, 1), option(TCP))), {
      protocol: TCP,
      offset: 56,
      fragment: 40,
      fragoffs: 0,
    });
    assert.deepEqual(walked(chain(44, fragment(TCP, 0x591))), {
      protocol: TCP,
      offset: 0,
      fragment: 40,
      fragoffs: 0x590,
    });
  });

  it('refuses chains that leave the packet', () => {
    assert.equal(walked(ip6('fd00::1', 'fd00::2', 0, filler(1))), false);
    assert.equal(walked(chain(0, Uint8Array.of(60, 3))), false);
    assert.equal(walked(ip6('fd00::1', 'fd00::2', 44, filler(3))), false);
  });

  it('refuses to go on behind the header of a later fragment', () => {
    assert.equal(walked(chain(44, fragment(60, 0x591))), false);
  });

  it('takes a last header at its word, as the kernel does', () => {
    const cut = ip6('fd00::1', 'fd00::2', 51, Uint8Array.of(TCP, 4, 0, 0));
    assert.deepEqual(walked(cut), { protocol: TCP, offset: 64, fragment: 0, fragoffs: 0 });
  });

  it('finds a fragment header of which bytes are missing, but none behind the packet', () => {
    const found = (bytes: Uint8Array): number => {
      const joint: ipv6.Ipv6Joint = { nexthdr: 0, at: 0 };
      return ipv6.ipv6FindFragment(viewOf(bytes), 0, bytes.length, joint) ? joint.at : -1;
    };
    for (const size of [0, 3, 8]) assert.equal(found(ip6('fd00::1', 'fd00::2', 44, filler(size))), 40);
    assert.equal(found(ip6('fd00::1', 'fd00::2', 60, Uint8Array.of(44, 0, 1, 4, 0, 0, 0, 0, TCP))), 48);
    assert.equal(found(ip6('fd00::1', 'fd00::2', 60, Uint8Array.of(44, 1, 1, 4, 0, 0, 0, 0, TCP))), -1);
  });

  it('ends within the packet for any bytes, or says so', () => {
    const header = fc.tuple(
      fc.constantFrom(0, 43, 44, 51, 60, 6),
      fc.constantFrom(0, 1, 2, 200),
      fc.uint8Array({ minLength: 6, maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(header, { maxLength: 12 }), fc.nat(7), (headers, cut) => {
        const all = concat(...headers.map(([next, units, rest]) => concat(Uint8Array.of(next, units), rest)));
        const bytes = ip6('fd00::1', 'fd00::2', 0, all.subarray(0, Math.max(0, all.length - cut)));
        const result = walked(bytes);
        if (result) assert.ok(result.fragment < bytes.length);
        const joint: ipv6.Ipv6Joint = { nexthdr: 0, at: 0 };
        if (ipv6.ipv6FindFragment(viewOf(bytes), 0, bytes.length, joint)) {
          assert.ok(joint.at <= bytes.length);
          assert.equal(bytes[joint.nexthdr], 44);
        }
        if (ipv6.ipv6FindUnfragmentable(viewOf(bytes), 0, bytes.length, joint))
          assert.ok(joint.at <= bytes.length);
      }),
    );
  });
});
