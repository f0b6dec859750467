/** The commands of the family, carried out on a director. Checks come in the kernel's order, so that the same one of two errors is told. */
import { IpvsError } from '../../errors.js';
import { LITTLE, NetlinkWriter, NLM_F_MULTI } from '../../wire/netlink.js';
import type { Director, ServiceKey, ServiceSpec } from '../command.js';
import { keyOf } from '../fields.js';
import { serviceFlagBits } from '../kernel-numbers.js';
import { IPVS_FAMILY_ID } from './family.js';
import { CMD, CMD_ATTR, GENL_HEADER, IPVS_GENL_VERSION } from './numbers.js';
import { CMD_POLICY, readAttributes } from './policy.js';
import {
  readDaemonSpec,
  readDaemonState,
  readDest,
  readDestSpec,
  readFlags,
  readService,
  readServiceSpec,
  type ServiceRequest,
} from './read.js';
import { writeDaemon, writeDest, writeInfo, writeService, writeTimeouts } from './write.js';

type Attributes = ReadonlyMap<number, DataView>;

/** Every bit of a word. */
const ALL = 0xffffffff;

/**
 * Carries out a command that is no dump.
 * @param view of the message behind its netlink header.
 * @returns what it is answered, if anything, apart from the acknowledgement. Rejects with the kernel's errors.
 */
export async function carryOut(director: Director, view: DataView): Promise<NetlinkWriter | undefined> {
  const command = view.getUint8(0);
  const attributes = readAttributes(view, GENL_HEADER, CMD_POLICY, 'OUT_OF_RANGE');
  const service = attributes.get(CMD_ATTR.SERVICE);
  switch (command) {
    case CMD.GET_INFO: {
      const info = await director.execute('info', {});
      return answer(CMD.SET_INFO, (message) => writeInfo(message, info));
    }
    case CMD.GET_CONFIG: {
      const timeouts = await director.execute('timeout.get', {});
      return answer(CMD.SET_CONFIG, (message) => writeTimeouts(message, timeouts));
    }
    case CMD.GET_SERVICE: {
      const entry = await director.execute('service.get', { service: readService(service).key });
      return answer(CMD.NEW_SERVICE, (message) => writeService(message, entry));
    }
    case CMD.FLUSH:
      await director.execute('flush', {});
      return undefined;
    case CMD.SET_CONFIG:
      await director.execute('timeout.set', readTimeouts(attributes));
      return undefined;
    case CMD.NEW_DAEMON:
      await director.execute('daemon.start', { daemon: readDaemonSpec(attributes.get(CMD_ATTR.DAEMON)) });
      return undefined;
    case CMD.DEL_DAEMON:
      await director.execute('daemon.stop', { state: readDaemonState(attributes.get(CMD_ATTR.DAEMON)) });
      return undefined;
    case CMD.ZERO:
      await director.execute('zero', service === undefined ? {} : { service: readService(service).key });
      return undefined;
    case CMD.NEW_SERVICE:
      await addService(director, readServiceSpec(readService(service, 'BAD_REQUEST'), 0));
      return undefined;
    case CMD.SET_SERVICE: {
      const request = readService(service);
      const spec = readServiceSpec(request, await flagsNow(director, request));
      await forService(director, request.key, () => director.execute('service.edit', { service: spec }));
      return undefined;
    }
    case CMD.DEL_SERVICE:
      await director.execute('service.delete', { service: readService(service).key });
      return undefined;
    default:
      await changeDest(director, command, readService(service), attributes.get(CMD_ATTR.DEST));
      return undefined;
  }
}

/**
 * Carries out a command as a dump.
 * @returns what there is, each in a message of its own.
 */
export async function dump(director: Director, view: DataView): Promise<NetlinkWriter[]> {
  switch (view.getUint8(0)) {
    case CMD.GET_SERVICE: {
      const services = await director.execute('service.list', {});
      return services.map((entry) => listed(CMD.NEW_SERVICE, (message) => writeService(message, entry)));
    }
    case CMD.GET_DAEMON: {
      const daemons = await director.execute('daemon.list', {});
      return daemons.map((daemon) => listed(CMD.NEW_DAEMON, (message) => writeDaemon(message, daemon)));
    }
    default: {
      const dests = await director.execute('dest.list', { service: serviceToDump(view) });
      return dests.map((dest) => listed(CMD.NEW_DEST, (message) => writeDest(message, dest)));
    }
  }
}

/** A service that cannot be understood is to a dump the same as one that is not there. */
function serviceToDump(view: DataView): ServiceRequest['key'] {
  try {
    const attributes = readAttributes(view, GENL_HEADER, CMD_POLICY, 'OUT_OF_RANGE');
    return readService(attributes.get(CMD_ATTR.SERVICE)).key;
  } catch {
    throw new IpvsError('SERVICE_NOT_FOUND');
  }
}

function changeDest(
  director: Director,
  command: number,
  { key: service, family }: ServiceRequest,
  view: DataView | undefined,
): Promise<null> {
  return forService(director, service, () => {
    if (command === CMD.DEL_DEST) {
      const { address, port } = readDest(view, family);
      return director.execute('dest.delete', { service, dest: { address, port } });
    }
    const dest = readDestSpec(view, family);
    return director.execute(command === CMD.NEW_DEST ? 'dest.add' : 'dest.edit', { service, dest });
  });
}

/** What is wrong with a request comes after what the kernel looks at first: that the service is not there. */
async function forService(
  director: Director,
  service: ServiceKey,
  change: () => Promise<null>,
): Promise<null> {
  try {
    return await change();
  } catch (error) {
    if (isMalformed(error)) await director.execute('service.get', { service });
    throw error;
  }
}

/** Here it looks first whether the service is there already. */
async function addService(director: Director, service: ServiceSpec): Promise<void> {
  try {
    await director.execute('service.add', { service });
  } catch (error) {
    if (isMalformed(error) && (await isThere(director, keyOf(service))))
      throw new IpvsError('SERVICE_EXISTS');
    throw error;
  }
}

async function isThere(director: Director, service: ServiceKey): Promise<boolean> {
  try {
    await director.execute('service.get', { service });
    return true;
  } catch {
    return false;
  }
}

function isMalformed(error: unknown): boolean {
  return (
    error instanceof IpvsError && (error.code === 'BAD_REQUEST' || error.code === 'FAMILY_NOT_SUPPORTED')
  );
}

/** Bits of the flags that the service has, where the request does not set them all. */
async function flagsNow(director: Director, { key, attributes }: ServiceRequest): Promise<number> {
  if (readFlags(attributes).mask === ALL) return 0;
  return serviceFlagBits((await director.execute('service.get', { service: key })).flags);
}

function readTimeouts(attributes: Attributes): { tcp?: number; tcpFin?: number; udp?: number } {
  const [tcp, tcpFin, udp] = [CMD_ATTR.TIMEOUT_TCP, CMD_ATTR.TIMEOUT_TCP_FIN, CMD_ATTR.TIMEOUT_UDP].map(
    (type) => attributes.get(type)?.getUint32(0, LITTLE),
  );
  return {
    ...(tcp !== undefined && { tcp }),
    ...(tcpFin !== undefined && { tcpFin }),
    ...(udp !== undefined && { udp }),
  };
}

function listed(command: number, fill: (message: NetlinkWriter) => void): NetlinkWriter {
  return answer(command, fill, NLM_F_MULTI);
}

function answer(command: number, fill: (message: NetlinkWriter) => void, flags = 0): NetlinkWriter {
  const message = new NetlinkWriter(IPVS_FAMILY_ID, flags, Uint8Array.of(command, IPVS_GENL_VERSION, 0, 0));
  fill(message);
  return message;
}
