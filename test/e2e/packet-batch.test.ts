/** Many frames with one system call. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../demo/lab.js';
import { Memory } from '../../src/linux/libc.js';
import { enterNetns } from '../../src/linux/netns.js';
import { PacketBatch } from '../../src/linux/packet-batch.js';
import { ETH_P_IP, PacketSocket } from '../../src/linux/packet-socket.js';
import { findLink } from '../../src/linux/rt-link.js';
import { openRtnetlink } from '../../src/linux/rtnetlink.js';
import { VNET_HEADER } from '../../src/linux/vnet-header.js';
import { rootOnly } from '../support/require-root.js';
import { Namespaces } from './namespaces.js';

const ETHERNET_HEADER = 14;
const NOWHERE = 999_999;

describe('a batch of frames', rootOnly(), () => {
  const net = new Namespaces('batch');
  before(() => {
    net.add('a');
    net.add('b');
    net.connect('a', 'one', 'b', 'one');
    net.connect('a', 'two', 'b', 'two');
  });
  after(() => net.close());

  /** Packets of a protocol that nobody else has, which have arrived by a link of `b`. */
  const arrived = (link: string): number =>
    Number(net.exec('b', `nft list counter ip seen ${link}`).match(/packets (\d+)/)![1]);

  it('goes out of its interfaces; what the kernel refuses is counted, and keeps nothing back', async () => {
    for (const line of [
      'add table ip seen',
      'add chain ip seen in { type filter hook prerouting priority raw ; }',
      ...['one', 'two'].flatMap((link) => [
        `add counter ip seen ${link}`,
        `add rule ip seen in iif ${link} ip protocol 253 counter name ${link}`,
      ]),
    ])
      net.shell('b', `nft '${line}'`);
    enterNetns(net.name('a'));
    const socket = new PacketSocket();
    const links = openRtnetlink();
    const [one, two] = ['one', 'two'].map((name) => findLink(links, name)!.index);
    links.close();
    const batch = new PacketBatch(socket, 8);
    const frame = new Memory(VNET_HEADER + ETHERNET_HEADER + 20);
    const ethernet = frame.bytes.subarray(VNET_HEADER);
    ethernet.fill(0xff, 0, 6).set([2, 0, 0, 0, 0, 1, 8, 0], 6);
    // an IPv4 header without anything behind it, for everyone
    ethernet.set(
      [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0x8f, 0xeb, 10, 0, 0, 1, 224, 0, 0, 1],
      ETHERNET_HEADER,
    );
    for (const ifindex of [one!, NOWHERE, two!, two!, NOWHERE])
      batch.add(frame.address, frame.bytes.length, ifindex, ETH_P_IP);
    assert.equal(batch.count, 5);
    assert.equal(batch.send(), 2);
    assert.equal(batch.count, 0);
    assert.equal(batch.send(), 0);
    await eventually('frames are missing', 10, () =>
      assert.deepEqual([arrived('one'), arrived('two')], [1, 2]),
    );
    socket.close();
  });
});
