/** tc filters on the clsact qdisc by rtnetlink (`struct tcmsg`): how programs are attached before there was TCX. */

import { LITTLE, NLM_F_CREATE, NLM_F_EXCL } from '../wire/netlink.js';
import type { BpfProgram } from './bpf-program.js';
import { EEXIST, EINVAL, ENODEV, ENOENT, SystemError } from './errno.js';
import type { NetlinkSocket } from './netlink.js';
import { change, dump } from './rtnetlink.js';

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
const RTM_GETQDISC = 38;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF_FD = 6;
const TCA_BPF_NAME = 7;
const TCA_BPF_FLAGS = 8;
/** What the program returns is what becomes of the packet. */
const TCA_BPF_FLAG_ACT_DIRECT = 1;
const TC_H_CLSACT = 0xffff_fff1;
const CLSACT_HANDLE = 0xffff_0000;
const CLSACT_INGRESS = 0xffff_fff2;
const CLSACT_EGRESS = 0xffff_fff3;
const ETH_P_ALL = 3;
const TCMSG = 20;

/** A filter on an interface's ingress. It stays when the process ends. */
export interface TcFilter {
  readonly ifindex: number;
  /** Filters with smaller numbers come first; 1..65535. */
  readonly priority: number;
}

/** Attaches a tc program to what comes in by an interface, in place of one with the same priority. @throws SYSTEM */
export function attachTcFilter(
  socket: NetlinkSocket,
  program: BpfProgram,
  { ifindex, priority }: TcFilter,
): void {
  const qdisc = change(
    RTM_NEWQDISC,
    NLM_F_CREATE | NLM_F_EXCL,
    tcmsg(ifindex, CLSACT_HANDLE, TC_H_CLSACT, 0),
  );
  try {
    socket.request(qdisc.text(TCA_KIND, 'clsact'), `RTM_NEWQDISC ${ifindex}`);
  } catch (error) {
    if (!(error instanceof SystemError) || error.number !== EEXIST) throw error;
  }
  const filter = change(RTM_NEWTFILTER, NLM_F_CREATE, filterPart(ifindex, priority)).text(TCA_KIND, 'bpf');
  filter.nested(TCA_OPTIONS, (options) =>
    options
      .u32(TCA_BPF_FD, program.fd)
      .text(TCA_BPF_NAME, program.name)
      .u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT),
  );
  socket.request(filter, `RTM_NEWTFILTER ${ifindex}`);
}

/** Detaches what {@link attachTcFilter} has attached; the qdisc stays, as others may use it. @returns false when there is none. */
export function detachTcFilter(socket: NetlinkSocket, { ifindex, priority }: TcFilter): boolean {
  return removed(() =>
    socket.request(change(RTM_DELTFILTER, 0, filterPart(ifindex, priority)), `RTM_DELTFILTER ${ifindex}`),
  );
}

/** True when filters see what goes out by the interface. */
export function hasEgressFilters(socket: NetlinkSocket, ifindex: number): boolean {
  const filters = dump(RTM_GETTFILTER, tcmsg(ifindex, 0, CLSACT_EGRESS, 0));
  return socket.request(filters, `RTM_GETTFILTER ${ifindex}`).some(({ type }) => type === RTM_NEWTFILTER);
}

/** True when the interface has a clsact qdisc. */
export function hasClsact(socket: NetlinkSocket, ifindex: number): boolean {
  return socket
    .request(dump(RTM_GETQDISC, tcmsg(ifindex, 0, 0, 0)), 'RTM_GETQDISC')
    .some(({ view }) => view.getInt32(4, LITTLE) === ifindex && view.getUint32(12, LITTLE) === TC_H_CLSACT);
}

/** Removes an interface's clsact qdisc, with all filters on it. @returns false when there is none. */
export function removeClsact(socket: NetlinkSocket, ifindex: number): boolean {
  return removed(() =>
    socket.request(
      change(RTM_DELQDISC, 0, tcmsg(ifindex, CLSACT_HANDLE, TC_H_CLSACT, 0)),
      `RTM_DELQDISC ${ifindex}`,
    ),
  );
}

function removed(request: () => void): boolean {
  try {
    request();
    return true;
  } catch (error) {
    if (error instanceof SystemError && [ENOENT, ENODEV, EINVAL].includes(error.number)) return false;
    throw error;
  }
}

/** The protocol stands in network order behind the priority. */
function filterPart(ifindex: number, priority: number): Uint8Array {
  return tcmsg(ifindex, 1, CLSACT_INGRESS, ((priority << 16) | (ETH_P_ALL << 8)) >>> 0);
}

function tcmsg(ifindex: number, handle: number, parent: number, info: number): Uint8Array {
  const fixed = new Uint8Array(TCMSG);
  const view = new DataView(fixed.buffer);
  view.setInt32(4, ifindex, LITTLE);
  view.setUint32(8, handle, LITTLE);
  view.setUint32(12, parent, LITTLE);
  view.setUint32(16, info, LITTLE);
  return fixed;
}
