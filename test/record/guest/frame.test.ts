import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hex, unhex } from '../../support/bytes.js';
import { icmp, ip4, tcp, udp } from '../../support/packets.js';
import { fromFrame, leavePartialChecksum, toFrame } from './frame.js';

const SOURCE = '020100000020';
const DIRECTOR = '020000000001';

describe('frames', () => {
  it('carry a packet to the director', () => {
    const packet = udp('10.1.0.20', 5000, '10.1.0.100', 80);
    assert.equal(hex(toFrame(packet, SOURCE, DIRECTOR)), `${DIRECTOR}${SOURCE}0800${hex(packet)}`);
    const six = udp('fd00:1::20', 5000, 'fd00:1::100', 80);
    assert.equal(hex(toFrame(six, SOURCE, DIRECTOR)).slice(24, 28), '86dd');
  });

  it('go to the MAC address of a multicast group', () => {
    const mac = (to: string, from: string) =>
      hex(toFrame(udp(from, 1, to, 2), SOURCE, DIRECTOR)).slice(0, 12);
    assert.equal(mac('224.0.0.81', '10.1.0.20'), '01005e000051');
    assert.equal(mac('239.255.1.2', '10.1.0.20'), '01005e7f0102');
    assert.equal(mac('ff02::1:2', 'fd00:1::20'), '333300010002');
  });

  it('take any octets as a packet', () => {
    for (const octets of ['', '60', '45', 'ff'])
      assert.equal(hex(toFrame(unhex(octets), SOURCE, DIRECTOR)).slice(28), octets);
  });

  it('give the packet back, and whom it was for', () => {
    const packet = tcp('10.1.0.100', 80, '10.1.0.20', 5000, 16);
    const content = fromFrame(toFrame(packet, DIRECTOR, SOURCE));
    assert.equal(content?.destination, SOURCE);
    assert.equal(hex(content!.packet), hex(packet));
  });

  it('are not looked at when hosts talk among themselves', () => {
    const chatter = [
      icmp('fd00:1::1', 'ff02::1', 136, 0, 0, new Uint8Array(16)),
      ip4('10.1.0.1', '224.0.0.22', 2, new Uint8Array(8)),
    ];
    for (const packet of chatter) assert.equal(fromFrame(toFrame(packet, DIRECTOR, SOURCE)), undefined);
    assert.equal(fromFrame(unhex(`ffffffffffff${DIRECTOR}0806${'00'.repeat(28)}`)), undefined, 'ARP');
    const error = icmp('fd00:1::1', 'fd00:1::20', 1, 4, 0, new Uint8Array(48));
    assert.ok(fromFrame(toFrame(error, DIRECTOR, SOURCE)), 'an ICMPv6 error');
  });
});

describe('leavePartialChecksum', () => {
  it('puts the sum of the pseudo header where the checksum goes', () => {
    const frame = toFrame(tcp('0.0.0.1', 80, '0.0.0.2', 5000, 16), SOURCE, DIRECTOR);
    assert.deepEqual(leavePartialChecksum(frame), { start: 34, field: 16 });
    // the addresses 1 and 2, protocol 6, 20 octets
    assert.equal(hex(frame.subarray(50, 52)), '001d');
  });

  it('knows UDP and ICMPv6 over IPv6', () => {
    const datagram = toFrame(udp('::1', 1, '::2', 2, { data: new Uint8Array(4) }), SOURCE, DIRECTOR);
    assert.deepEqual(leavePartialChecksum(datagram), { start: 54, field: 6 });
    assert.equal(hex(datagram.subarray(60, 62)), '0020');
    const error = toFrame(icmp('::1', '::2', 1, 0, 0, new Uint8Array(0)), SOURCE, DIRECTOR);
    assert.deepEqual(leavePartialChecksum(error), { start: 54, field: 2 });
  });

  it('refuses a protocol that cards do not know', () => {
    assert.throws(() =>
      leavePartialChecksum(toFrame(ip4('10.1.0.1', '10.1.0.2', 50, new Uint8Array(8)), SOURCE, DIRECTOR)),
    );
  });
});
