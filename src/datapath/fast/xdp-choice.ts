/** At which interfaces XDP takes packets, and why not at others. */
import { ARPHRD_ETHER, type Link } from '../../linux/rt-link.js';
import { NETDEV_XDP_ACT_BASIC, NETDEV_XDP_ACT_REDIRECT } from '../../linux/xdp-features.js';
import type { XdpName } from './names.js';

/** Interfaces with this number, or a larger one, have no XDP. */
export const XDP_LINKS = 4096;

/** Where network cards are. */
const HARDWARE = 'pci';

const NEEDED = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT;

/** How the program is attached to an interface, or why it is not. */
export type XdpChoice = { readonly mode: 'native' | 'generic' } | { readonly why: string };

/**
 * Chooses for one interface.
 * @param links all interfaces of the namespace. @param features of its driver (`NETDEV_XDP_ACT_*`); undefined where the kernel does not tell.
 */
export function chooseXdp(
  wish: XdpName,
  link: Link,
  links: readonly Link[],
  features: number | undefined,
): XdpChoice {
  if (wish === 'none') return { why: 'XDP is not asked for' };
  if (link.type !== ARPHRD_ETHER) return { why: 'its frames have no Ethernet header' };
  if (link.index >= XDP_LINKS) return { why: `its number is not below ${XDP_LINKS}` };
  if (link.master !== 0) return { why: 'it is a port of another interface' };
  // a tag that the card has taken off already is nothing that a program sees
  if (links.some(({ kind, lower }) => kind === 'vlan' && lower === link.index))
    return { why: 'VLANs stand on it' };
  if (wish === 'generic') return { mode: 'generic' };
  if (features !== undefined && (features & NEEDED) !== NEEDED)
    return { why: 'its driver cannot send on by XDP' };
  if (wish === 'native') return { mode: 'native' };
  if (features === undefined)
    return { why: 'the kernel does not tell what its driver can do (Linux 6.3 does)' };
  // veth, virtio: packets come in segments of 64 KiB there, until a program is attached
  if (link.bus !== HARDWARE)
    return {
      why: `${link.kind || link.bus || 'virtual'}: large segments are worth more there, and XDP would end them`,
    };
  return { mode: 'native' };
}
