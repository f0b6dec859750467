/**
 * What the data path changes on the machine beside its devices and rules: sysctls, the place of the rule for local addresses, and virtual
 * addresses on interfaces.
 */
import { IpvsError } from '../../errors.js';
import { EADDRNOTAVAIL, EEXIST, SystemError } from '../../linux/errno.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { netnsIdentity } from '../../linux/netns.js';
import {
  addAddress,
  deleteAddress,
  type InterfaceAddress,
  RT_SCOPE_UNIVERSE,
} from '../../linux/rt-address.js';
import { findLink } from '../../linux/rt-link.js';
import { addRule, deleteRule, listRules, type Rule } from '../../linux/rt-rule.js';
import { RT_TABLE_LOCAL, RTPROT_IPVSD } from '../../linux/rtnetlink.js';
import { listSysctl, readSysctl, readSysctlIfAny, writeSysctl } from '../../linux/sysctl.js';
import { AF_INET, AF_INET6, type Family, parseInet } from '../../wire/inet.js';
import { type AddedAddress, type Journal, readJournal, removeJournal, writeJournal } from './journal.js';

const RTPROT_KERNEL = 2;

/** A sysctl with a value. */
type Setting = readonly [path: string, value: string];

/** The machine around the data path, with a memory of how it was. */
export class Machine {
  readonly #socket: NetlinkSocket;
  readonly #families: readonly Family[];
  readonly #device: string;
  readonly #path: string;
  readonly #namespace = netnsIdentity().unique;
  /** As it was written last. */
  readonly #pinned: boolean;
  #record: Journal | undefined;

  /** @param device of this data path. @param path of the journal. @param pinned see {@link Journal}. */
  constructor(
    socket: NetlinkSocket,
    families: readonly Family[],
    device: string,
    path: string,
    pinned: boolean,
  ) {
    this.#pinned = pinned;
    this.#socket = socket;
    this.#families = families;
    this.#device = device;
    this.#path = path;
  }

  /** The device of another data path that is at work in this namespace, or undefined. */
  otherDevice(): string | undefined {
    const device = this.#journal()?.device;
    if (device === undefined || device === this.#device) return undefined;
    return findLink(this.#socket, device) === undefined ? undefined : device;
  }

  /** Sets what forwarding through a TUN device needs; how it was is on record before anything changes. */
  prepare(): void {
    const { before, after } = planSysctls(this.#families);
    const localRules = this.#families.filter((family) => this.#localRule(family) !== undefined);
    this.#write({
      namespace: this.#namespace,
      device: this.#device,
      pinned: this.#pinned,
      localRules,
      sysctls: before,
      addresses: [],
    });
    for (const [path, value] of after) writeSysctl(path, value);
  }

  /**
   * Goes on where a data path with the same device has ended without putting things back.
   * @returns false when there is no record of one.
   */
  adopt(): boolean {
    const journal = this.#journal();
    if (journal?.device !== this.#device) return false;
    this.#write({ ...journal, pinned: this.#pinned });
    for (const [path, value] of planSysctls(this.#families).after) writeSysctl(path, value);
    return true;
  }

  /** Takes addresses that an earlier data path has put on interfaces away, but for these. */
  keepAddresses(kept: readonly AddedAddress[]): void {
    for (const added of [...this.#record!.addresses]) {
      if (!kept.some((vip) => isSame(vip, added))) this.deleteAddress(added);
    }
  }

  /** Takes the rule for local addresses from its first place, where it hides all others. Another one must stand already. */
  moveLocalRules(): void {
    for (const family of this.#families) {
      const rule = this.#localRule(family);
      if (rule !== undefined) deleteRule(this.#socket, rule);
    }
  }

  /**
   * Puts everything back: after a stop, or at the start after a daemon that was killed.
   * @returns true when there was something to put back.
   */
  restore(): boolean {
    const journal = this.#journal();
    let found = journal !== undefined;
    for (const family of this.#families) {
      const ours = listRules(this.#socket, family).filter((rule) => rule.protocol === RTPROT_IPVSD);
      found ||= ours.length > 0;
      // without this rule nothing on the machine works: where ours stands for it, it is put back even with no record of it
      const stoodFor = ours.some((rule) => isTable(rule, RT_TABLE_LOCAL));
      if ((stoodFor || journal?.localRules.includes(family)) && !this.#hasOtherLocalRule(family)) {
        addRule(this.#socket, {
          family,
          priority: 0,
          action: { table: RT_TABLE_LOCAL },
          protocol: RTPROT_KERNEL,
        });
      }
      for (const rule of ours) deleteRule(this.#socket, rule);
    }
    for (const added of journal?.addresses ?? []) this.#removeAddress(added);
    for (const [path, value] of journal?.sysctls ?? []) {
      // its interface may be gone
      const now = readSysctlIfAny(path);
      if (now !== undefined && now !== value) writeSysctl(path, value);
    }
    removeJournal(this.#path);
    return found;
  }

  /**
   * Puts an address on an interface; it is on record before. One that is there already is left alone, now and at the end.
   * @throws NO_DEVICE, SYSTEM
   */
  addAddress(added: AddedAddress): void {
    const target = this.#interfaceAddress(added);
    if (target === undefined)
      throw new IpvsError('NO_DEVICE', `no interface "${added.interface}"`, 'vip.interface');
    const record = this.#record!;
    this.#write({ ...record, addresses: [...record.addresses, added] });
    try {
      addAddress(this.#socket, { ...target, noDad: true });
    } catch (error) {
      this.#write(record);
      if (!(error instanceof SystemError && error.number === EEXIST)) throw error;
    }
  }

  /** Takes an address that {@link addAddress} has added from its interface again, if it is still there. @throws SYSTEM */
  deleteAddress(added: AddedAddress): void {
    const record = this.#record!;
    const others = record.addresses.filter((other) => !isSame(other, added));
    if (others.length === record.addresses.length) return;
    this.#removeAddress(added);
    this.#write({ ...record, addresses: others });
  }

  #removeAddress(added: AddedAddress): void {
    const target = this.#interfaceAddress(added);
    if (target === undefined) return;
    try {
      deleteAddress(this.#socket, target);
    } catch (error) {
      // somebody else was faster
      if (!(error instanceof SystemError && error.number === EADDRNOTAVAIL)) throw error;
    }
  }

  /** Undefined when its interface is gone. */
  #interfaceAddress({ interface: name, address, prefixLength }: AddedAddress): InterfaceAddress | undefined {
    const link = findLink(this.#socket, name);
    return (
      link && { ifindex: link.index, address: parseInet(address)!, prefixLength, scope: RT_SCOPE_UNIVERSE }
    );
  }

  #write(record: Journal): void {
    writeJournal(this.#path, record);
    this.#record = record;
  }

  /** The record, unless it is about a namespace that is gone and whose inode this one has got. */
  #journal(): Journal | undefined {
    const journal = readJournal(this.#path);
    return journal?.namespace === this.#namespace ? journal : undefined;
  }

  #localRule(family: Family): Rule | undefined {
    return listRules(this.#socket, family).find(
      (rule) => rule.priority === 0 && isTable(rule, RT_TABLE_LOCAL),
    );
  }

  #hasOtherLocalRule(family: Family): boolean {
    return listRules(this.#socket, family).some(
      (rule) => rule.protocol !== RTPROT_IPVSD && isTable(rule, RT_TABLE_LOCAL) && isForAll(rule),
    );
  }
}

function isSame(a: AddedAddress, b: AddedAddress): boolean {
  return a.address === b.address && a.interface === b.interface;
}

function isTable({ action }: Rule, table: number): boolean {
  return typeof action === 'object' && 'table' in action && action.table === table;
}

function isForAll({ from, to, iif, fwmark, ipProto, sport, dport }: Rule): boolean {
  return [from, to, iif, fwmark, ipProto, sport, dport].every((selector) => selector === undefined);
}

/**
 * The sysctls to set, and what stands there now. Setting `forwarding` for all rewrites it for each interface (and `accept_redirects`): those
 * are on record too, behind it.
 */
function planSysctls(families: readonly Family[]): { before: Setting[]; after: Setting[] } {
  const before: Setting[] = [];
  const after: Setting[] = [];
  const set = (path: string, value: string): boolean => {
    const now = readSysctlIfAny(path);
    if (now === undefined || now === value) return false;
    before.push([path, now]);
    after.push([path, value]);
    return true;
  };
  const keep = (path: string): void => {
    before.push([path, readSysctl(path)]);
  };
  // a socket that is found early keeps its packet from being forwarded, into the TUN device too
  set('net/ipv4/tcp_early_demux', '0');
  set('net/ipv4/udp_early_demux', '0');
  if (families.includes(AF_INET) && set('net/ipv4/ip_forward', '1')) {
    keep('net/ipv4/conf/all/accept_redirects');
    for (const device of interfaces('net/ipv4/conf')) keep(`net/ipv4/conf/${device}/forwarding`);
  }
  const all = 'net/ipv6/conf/all/forwarding';
  if (families.includes(AF_INET6) && readSysctl(all) === '0') {
    // a router hears no router advertisements, unless it is told to: what came by them must live on
    const devices = interfaces('net/ipv6/conf');
    for (const device of devices) {
      if (readSysctl(`net/ipv6/conf/${device}/accept_ra`) === '1')
        set(`net/ipv6/conf/${device}/accept_ra`, '2');
    }
    set(all, '1');
    for (const device of devices) keep(`net/ipv6/conf/${device}/forwarding`);
  }
  return { before, after };
}

/** Interfaces, and `default`; without `all`, which stands for them. */
function interfaces(path: string): string[] {
  return listSysctl(path).filter((name) => name !== 'all');
}
