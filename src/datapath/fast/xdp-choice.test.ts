import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARPHRD_ETHER, ARPHRD_LOOPBACK, type Link } from '../../linux/rt-link.js';
import type { XdpName } from './names.js';
import { chooseXdp, XDP_LINKS } from './xdp-choice.js';

const CARD: Link = {
  index: 2,
  name: 'eth0',
  type: ARPHRD_ETHER,
  mtu: 1500,
  up: true,
  address: new Uint8Array(6),
  kind: '',
  bus: 'pci',
  master: 0,
  lower: 0,
};
const ALL = 7;
const ONLY_BASIC = 1;
const VLAN: Link = { ...CARD, index: 3, name: 'eth0.10', kind: 'vlan', lower: 2 };

for (const [what, { wish = 'auto', link = {}, others = [], features = ALL }, expected] of [
  ['a network card', {}, 'native'],
  ['a network card whose driver cannot send on', { features: ONLY_BASIC }, /driver/],
  ['the same where it is insisted on', { wish: 'native', features: ONLY_BASIC }, /driver/],
  ['the same in general code', { wish: 'generic', features: ONLY_BASIC }, 'generic'],
  ['a driver of which nothing is known', { features: 'unknown' }, /6\.3/],
  ['the same where it is insisted on', { wish: 'native', features: 'unknown' }, 'native'],
  ['veth', { link: { kind: 'veth', bus: '' } }, /^veth: large/],
  ['veth where it is insisted on', { wish: 'native', link: { kind: 'veth', bus: '' } }, 'native'],
  ['virtio', { link: { bus: 'virtio' } }, /^virtio: large/],
  ['nothing that is asked for', { wish: 'none' }, /not asked for/],
  ['a port of a bridge', { wish: 'native', link: { master: 9 } }, /port/],
  ['an interface below VLANs', { wish: 'generic', others: [VLAN] }, /VLAN/],
  ['a VLAN', { wish: 'generic', link: { ...VLAN, bus: '' } }, 'generic'],
  ['the loopback interface', { wish: 'generic', link: { type: ARPHRD_LOOPBACK } }, /Ethernet/],
  ['a number beyond the map', { link: { index: XDP_LINKS } }, /number/],
] as readonly [
  string,
  { wish?: XdpName; link?: Partial<Link>; others?: Link[]; features?: number | 'unknown' },
  string | RegExp,
][]) {
  test(`XDP at ${what}: ${expected}`, () => {
    const given = { ...CARD, ...link };
    const choice = chooseXdp(wish, given, [given, ...others], features === 'unknown' ? undefined : features);
    if ('mode' in choice) assert.equal(choice.mode, expected);
    else assert.match(choice.why, expected as RegExp);
  });
}
