/** `setsockopt` of IPVS, as programs without netlink use it (`do_ip_vs_set_ctl`). */
import { constants } from 'node:os';
import { IpvsError } from '../../errors.js';
import { LITTLE } from '../../wire/netlink.js';
import type { Director } from '../command.js';
import { errnoOf } from '../errno-of.js';
import { SERVICE_USER, SIZE, u32, viewOf } from './layout.js';
import {
  readDaemonSpec,
  readDaemonState,
  readDestSpec,
  readName,
  readServiceKey,
  readServiceSpec,
} from './read.js';

/** Options that can be set (`IP_VS_SO_SET_*`). */
export const SET = {
  ADD: 1154,
  EDIT: 1155,
  DEL: 1156,
  FLUSH: 1157,
  ADDDEST: 1159,
  DELDEST: 1160,
  EDITDEST: 1161,
  TIMEOUT: 1162,
  STARTDAEMON: 1163,
  STOPDAEMON: 1164,
  ZERO: 1167,
} as const;

/** The first and the last option that there is, known or not. */
export const SET_RANGE = [1152, 1167] as const;

const WITH_DEST = SIZE.serviceUser + SIZE.destUser;

/** The one length that each takes. */
const LENGTHS: Readonly<Record<number, number>> = {
  [SET.ADD]: SIZE.serviceUser,
  [SET.EDIT]: SIZE.serviceUser,
  [SET.DEL]: SIZE.serviceUser,
  [SET.FLUSH]: 0,
  [SET.ADDDEST]: WITH_DEST,
  [SET.DELDEST]: WITH_DEST,
  [SET.EDITDEST]: WITH_DEST,
  [SET.TIMEOUT]: SIZE.timeout,
  [SET.STARTDAEMON]: SIZE.daemon,
  [SET.STOPDAEMON]: SIZE.daemon,
  [SET.ZERO]: SIZE.serviceUser,
};

/**
 * Carries out a setsockopt of {@link SET_RANGE}. Never rejects.
 * @returns its errno, 0 when it went well.
 */
export async function setOption(director: Director, option: number, value: Uint8Array): Promise<number> {
  if (LENGTHS[option] !== value.length) return constants.errno.EINVAL;
  try {
    return await carryOut(director, option, viewOf(value));
  } catch (error) {
    return errnoOf(error);
  }
}

async function carryOut(director: Director, option: number, view: DataView): Promise<number> {
  switch (option) {
    case SET.FLUSH:
      await director.execute('flush', {});
      return 0;
    case SET.TIMEOUT:
      await director.execute('timeout.set', { tcp: int(view, 0), tcpFin: int(view, 4), udp: int(view, 8) });
      return 0;
    case SET.STARTDAEMON:
      await director.execute('daemon.start', { daemon: readDaemonSpec(view) });
      return 0;
    case SET.STOPDAEMON:
      await director.execute('daemon.stop', { state: readDaemonState(view) });
      return 0;
    default:
      return changeService(director, option, view);
  }
}

async function changeService(director: Director, option: number, view: DataView): Promise<number> {
  // where it means something it must end in its field, before all else
  if (option === SET.ADD || option === SET.EDIT) readName(view, SERVICE_USER.schedName);
  if (option === SET.ZERO && namesNothing(view)) {
    await director.execute('zero', {});
    return 0;
  }
  const service = readServiceKey(view);
  // the kernel's own choice of errno
  if (service === undefined) return constants.errno.EFAULT;
  switch (option) {
    case SET.ADD:
      await director.execute('service.add', { service: readServiceSpec(view, service) });
      return 0;
    case SET.EDIT:
      await director.execute('service.edit', { service: readServiceSpec(view, service) });
      return 0;
    case SET.DEL:
      await director.execute('service.delete', { service });
      return 0;
    case SET.ZERO:
      await director.execute('zero', { service });
      return 0;
  }
  const dest = readDestSpec(new DataView(view.buffer, view.byteOffset + SIZE.serviceUser));
  if (option === SET.DELDEST) {
    const { address, port } = dest;
    await director.execute('dest.delete', { service, dest: { address, port } });
  } else {
    await director.execute(option === SET.ADDDEST ? 'dest.add' : 'dest.edit', { service, dest });
  }
  return 0;
}

function namesNothing(view: DataView): boolean {
  const { addr, port, fwmark } = SERVICE_USER;
  return u32(view, addr) === 0 && view.getUint16(port) === 0 && u32(view, fwmark) === 0;
}

function int(view: DataView, at: number): number {
  const value = view.getInt32(at, LITTLE);
  if (value < 0) throw new IpvsError('BAD_REQUEST');
  return value;
}
