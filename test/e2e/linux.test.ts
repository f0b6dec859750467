/** The layer of system calls against a real kernel, in a namespace of its own. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EEXIST, ENOENT, type SystemError } from '../../src/linux/errno.js';
import type { NetlinkSocket } from '../../src/linux/netlink.js';
import { enterNetns } from '../../src/linux/netns.js';
import { ReadPoll } from '../../src/linux/poll.js';
import { addAddress, deleteAddress, listAddresses, RT_SCOPE_HOST } from '../../src/linux/rt-address.js';
import { findLink, listLinks, setLink } from '../../src/linux/rt-link.js';
import { getNeighbour, NUD_VALID, parseNeighbour, useNeighbour } from '../../src/linux/rt-neighbour.js';
import {
  deleteDefaultRoute,
  getRoute,
  listRoutes,
  RTN_LOCAL,
  setDefaultRoute,
} from '../../src/linux/rt-route.js';
import { addRule, deleteRule, listRules, type Rule } from '../../src/linux/rt-rule.js';
import {
  openRtnetlink,
  RT_TABLE_LOCAL,
  RTM_NEWNEIGH,
  RTNLGRP_NEIGH,
  RTPROT_IPVSD,
  subscribeRtnetlink,
} from '../../src/linux/rtnetlink.js';
import { readSysctl, writeSysctl } from '../../src/linux/sysctl.js';
import { isTunBusy, TunDevice } from '../../src/linux/tun.js';
import { AF_INET, AF_INET6, inetEqual, inetToString, parseInet } from '../../src/wire/inet.js';
import { Namespaces, skipReason } from './namespaces.js';

const skip = skipReason();
const address = (text: string) => parseInet(text)!;

describe('the layer of system calls', { skip }, () => {
  const net = new Namespaces('sys');
  let socket: NetlinkSocket;

  before(() => {
    net.add('a');
    net.add('b');
    net.connect('a', 'eth0', 'b', 'eth0');
    net.address('a', 'eth0', '10.1.0.1/24', '2001:db8::1/64');
    net.address('b', 'eth0', '10.1.0.2/24', '2001:db8::2/64');
    net.ip('a', 'route add 10.9.0.0/16 via 10.1.0.2 mtu 1300');
    enterNetns(net.name('a'));
    socket = openRtnetlink();
  });
  after(() => {
    socket.close();
    net.close();
  });

  const eth0 = () => findLink(socket, 'eth0')!;

  it('enters a namespace, which is then the one it sees', () => {
    assert.deepEqual(
      listLinks(socket)
        .map((link) => link.name)
        .sort(),
      ['eth0', 'lo'],
    );
    assert.throws(() => enterNetns('no-such-namespace'), { code: 'NO_NETNS' });
    assert.throws(() => enterNetns('../x'), { code: 'NO_NETNS' });
  });

  it('reads and changes links', () => {
    setLink(socket, eth0().index, { mtu: 1400 });
    assert.equal(eth0().mtu, 1400);
    setLink(socket, eth0().index, { mtu: 1500, up: true });
    assert.deepEqual([eth0().mtu, eth0().up, eth0().address.length], [1500, true, 6]);
    assert.equal(findLink(socket, 'nothing'), undefined);
  });

  it('adds, lists and deletes addresses of both families', () => {
    for (const text of ['192.0.0.8', '2001:db8::8']) {
      const a = {
        ifindex: eth0().index,
        address: address(text),
        prefixLength: text.includes(':') ? 128 : 32,
        scope: RT_SCOPE_HOST,
      };
      const listed = () =>
        listAddresses(socket, a.address.family).some((x) => inetEqual(x.address, a.address));
      addAddress(socket, a);
      assert.ok(listed());
      assert.throws(
        () => addAddress(socket, a),
        (e: SystemError) =>
          e.number === EEXIST && e.code === 'SYSTEM' && /RTM_NEWADDR.*EEXIST/.test(e.message),
      );
      deleteAddress(socket, a);
      assert.ok(!listed());
    }
  });

  it('asks the kernel for a route: next hop, MTU, source', () => {
    const near = getRoute(socket, address('10.1.0.2'));
    assert.deepEqual(
      [near.gateway, near.mtu, inetToString(near.source!), near.ifindex],
      [undefined, 0, '10.1.0.1', eth0().index],
    );
    const far = getRoute(socket, address('10.9.1.1'));
    assert.deepEqual([inetToString(far.gateway!), far.mtu], ['10.1.0.2', 1300]);
    assert.equal(getRoute(socket, address('10.1.0.1')).type, RTN_LOCAL);
    assert.equal(inetToString(getRoute(socket, address('2001:db8::2')).source!), '2001:db8::1');
    assert.throws(() => getRoute(socket, address('8.8.8.8')), /ENETUNREACH/);
  });

  it('lists the local table, and sets a default route in a table of its own', () => {
    const locals = [AF_INET, AF_INET6].flatMap((family) => listRoutes(socket, family as 2, RT_TABLE_LOCAL));
    const texts = locals
      .filter((r) => r.type === RTN_LOCAL)
      .map((r) => `${inetToString(r.destination)}/${r.prefixLength}`);
    for (const text of ['127.0.0.0/8', '10.1.0.1/32', '2001:db8::1/128', '::1/128'])
      assert.ok(texts.includes(text), text);
    for (const family of [AF_INET, AF_INET6] as const) {
      setDefaultRoute(socket, family, 7000, eth0().index);
      setDefaultRoute(socket, family, 7000, eth0().index);
      const [route, ...more] = listRoutes(socket, family, 7000);
      assert.deepEqual(
        [route!.prefixLength, route!.ifindex, route!.protocol, more],
        [0, eth0().index, RTPROT_IPVSD, []],
      );
      deleteDefaultRoute(socket, family, 7000);
      assert.deepEqual(listRoutes(socket, family, 7000), []);
    }
  });

  it('adds rules that it lists as they were, and deletes them', () => {
    const rules: Rule[] = [
      { family: AF_INET, priority: 10, action: { goto: 15 }, protocol: RTPROT_IPVSD, iif: 'eth0' },
      {
        family: AF_INET,
        priority: 11,
        action: { table: 7000 },
        protocol: RTPROT_IPVSD,
        to: { address: address('10.1.0.9'), length: 32 },
        ipProto: 6,
        dport: [80, 80],
      },
      {
        family: AF_INET,
        priority: 12,
        action: { table: 7000 },
        protocol: RTPROT_IPVSD,
        from: { address: address('10.2.0.0'), length: 16 },
        ipProto: 17,
        sport: [1, 65534],
      },
      { family: AF_INET, priority: 13, action: { table: 70000 }, protocol: RTPROT_IPVSD, fwmark: 0x80000001 },
      { family: AF_INET, priority: 15, action: 'nop', protocol: RTPROT_IPVSD },
      {
        family: AF_INET6,
        priority: 11,
        action: { table: 7000 },
        protocol: RTPROT_IPVSD,
        to: { address: address('2001:db8::9'), length: 128 },
        ipProto: 58,
      },
    ];
    const listed = () =>
      [AF_INET, AF_INET6]
        .flatMap((f) => listRules(socket, f as 2))
        .filter((r) => r.protocol === RTPROT_IPVSD);
    for (const rule of rules) addRule(socket, rule);
    assert.deepEqual(listed(), rules);
    assert.throws(
      () => addRule(socket, rules[1]!),
      (e: SystemError) => e.number === EEXIST,
    );
    for (const rule of rules) deleteRule(socket, rule);
    assert.deepEqual(listed(), []);
    assert.throws(
      () => deleteRule(socket, rules[1]!),
      (e: SystemError) => e.number === ENOENT,
    );
  });

  it('resolves a neighbour and is told of it', () => {
    for (const text of ['10.1.0.2', '2001:db8::2']) {
      const neighbour = address(text);
      const changes = subscribeRtnetlink([RTNLGRP_NEIGH]);
      const poll = new ReadPoll([changes.fd]);
      useNeighbour(socket, eth0().index, neighbour);
      const end = Date.now() + 3000;
      let hardware: Uint8Array | undefined;
      while (hardware === undefined && Date.now() < end) {
        poll.wait(100);
        for (const message of changes.notifications().messages) {
          const n = message.type === RTM_NEWNEIGH ? parseNeighbour(message) : undefined;
          if (n !== undefined && inetEqual(n.address, neighbour) && (n.state & NUD_VALID) !== 0)
            hardware = n.hardware;
        }
      }
      assert.equal(hardware?.length, 6);
      assert.deepEqual(getNeighbour(socket, eth0().index, neighbour)!.hardware, hardware);
      changes.close();
    }
    assert.equal(getNeighbour(socket, eth0().index, address('10.1.0.77')), undefined);
  });

  it('reads and writes the sysctls of its namespace', () => {
    writeSysctl('net/ipv4/ip_forward', '1');
    assert.equal(readSysctl('net/ipv4/ip_forward'), '1');
    assert.equal(net.exec('b', 'cat /proc/sys/net/ipv4/ip_forward').trim(), '0');
    assert.throws(() => readSysctl('net/ipv4/no_such'), { code: 'SYSTEM', message: /no_such: ENOENT/ });
  });

  it('makes a TUN device that only one may hold, and that goes with it', () => {
    const tun = new TunDevice('tun9');
    assert.ok(findLink(socket, 'tun9'));
    assert.throws(
      () => new TunDevice('tun9'),
      (error) => isTunBusy(error),
    );
    tun.close();
    assert.equal(findLink(socket, 'tun9'), undefined);
  });
});
