import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SYN, tcp } from '../../test/support/packets.js';
import { AF_INET, AF_INET6, parseInet } from '../wire/inet.js';
import { Conntrack, CT_ORIGINAL, CT_REPLY, CtTable } from './ct-table.js';
import { TcpTrack } from './ct-tcp.js';

const HZ = 100;
const ports = (from: number, to: number): number => (from << 16) | to;
const words = (text: string): Int32Array => parseInet(text)!.words;
const [CLIENT, VIP, SERVER] = [words('10.1.0.10'), words('10.1.0.100'), words('10.2.0.11')];

/** A connection that a SYN at `now` has begun, forgotten 120 s later. */
function begun(src: Int32Array, dst: Int32Array, port: number, now = 0, family: 2 | 10 = AF_INET): Conntrack {
  const bytes = tcp('10.0.0.1', 1, '10.0.0.2', 2, SYN, { seq: 1000 });
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const track = new TcpTrack(v, 20, bytes.length - 20, HZ);
  track.segment(v, 20, bytes.length - 20, false, 0, now);
  return new Conntrack(track, family, src, dst, ports(port, 21));
}

/** As {@link begun}, through NAT. */
function translated(port: number): Conntrack {
  const ct = begun(CLIENT, VIP, port);
  ct.tuples[CT_REPLY].src.set(SERVER);
  return ct;
}

describe('the table of tracked connections', () => {
  it('finds a connection by the packets of both directions', () => {
    const table = new CtTable(HZ);
    const ct = translated(4000);
    assert.equal(table.insert(ct, 0), true);
    assert.equal(table.find(AF_INET, CLIENT, VIP, ports(4000, 21), 0), ct);
    assert.equal(table.direction, CT_ORIGINAL);
    assert.equal(table.find(AF_INET, SERVER, CLIENT, ports(21, 4000), 0), ct);
    assert.equal(table.direction, CT_REPLY);
    assert.equal(table.find(AF_INET, VIP, CLIENT, ports(21, 4000), 0), undefined);
    assert.equal(table.find(AF_INET, CLIENT, VIP, ports(4001, 21), 0), undefined);
  });

  it('takes none in whose packets would be those of another one, in either direction', () => {
    const table = new CtTable(HZ);
    assert.equal(table.insert(translated(4000), 0), true);
    assert.equal(table.insert(begun(CLIENT, VIP, 4000), 0), false);
    assert.equal(table.insert(begun(CLIENT, SERVER, 4000), 0), false);
    assert.equal(table.insert(begun(CLIENT, SERVER, 4001), 0), true);
    assert.equal(table.insert(translated(4001), 0), false);
    assert.equal(table.live(0).length, 2);
  });

  it('keeps families apart', () => {
    const table = new CtTable(HZ);
    table.insert(begun(CLIENT, VIP, 4000), 0);
    const six = begun(words('fd00:1::10'), words('fd00:1::100'), 4000, 0, AF_INET6);
    assert.equal(table.insert(six, 0), true);
    const other = words('fd00:1::11');
    assert.equal(table.find(AF_INET6, other, words('fd00:1::100'), ports(4000, 21), 0), undefined);
  });

  it('forgets what has ended, and what it is told to', () => {
    const table = new CtTable(HZ);
    const [old, removed] = [translated(4000), translated(4001)];
    table.insert(old, 0);
    table.insert(removed, 0);
    table.remove(removed);
    table.remove(removed);
    assert.equal(removed.dying, true);
    assert.deepEqual(table.live(120 * HZ - 1), [old]);
    assert.equal(table.find(AF_INET, CLIENT, VIP, ports(4000, 21), 120 * HZ), undefined);
    assert.equal(old.dying, true);
    assert.equal(table.insert(translated(4000), 120 * HZ), true);
  });

  it('lets what has ended stand in the way of others for half a minute, when none of its own packets comes', () => {
    const table = new CtTable(HZ);
    table.insert(translated(4000), 0);
    assert.equal(table.insert(begun(CLIENT, SERVER, 4000, 140 * HZ), 140 * HZ), false);
    assert.equal(table.insert(begun(CLIENT, SERVER, 4000, 150 * HZ), 150 * HZ), true);
  });

  it('does not grow by what has ended', () => {
    const table = new CtTable(HZ);
    for (let i = 0; i < 50_000; i++) {
      const now = i * HZ;
      assert.equal(table.insert(begun(CLIENT, VIP, i & 0xffff, now), now), true);
    }
    assert.equal(table.live(50_000 * HZ).length, 119);
  });
});
