/** What ipvsadm says when a director refuses a command. */
import type { CommandName } from '../../control/command.js';
import { IpvsError } from '../../errors.js';
import { Stop } from './stop.js';

/** Texts of errors that mean something of their own with a command. */
const BY_COMMAND: Readonly<Partial<Record<CommandName, Readonly<Record<string, string>>>>> = {
  'service.add': { EEXIST: 'Service already exists', ENOENT: 'Scheduler or persistence engine not found' },
  'service.edit': { ESRCH: 'No such service', ENOENT: 'Scheduler or persistence engine not found' },
  'service.delete': { ESRCH: 'No such service' },
  'service.get': { ESRCH: 'No such service' },
  'service.list': { ESRCH: 'No such service' },
  'dest.list': { ESRCH: 'No such service' },
  zero: { ESRCH: 'No such service' },
  'dest.add': { ESRCH: 'Service not defined', EEXIST: 'Destination already exists' },
  'dest.edit': { ESRCH: 'Service not defined', ENOENT: 'No such destination' },
  'dest.delete': { ESRCH: 'Service not defined', ENOENT: 'No such destination' },
  'daemon.start': { EEXIST: 'Daemon has already run' },
  'daemon.stop': { ESRCH: 'No daemon is running' },
};

/** Texts of ipvsadm for errors of any command. */
const BY_ERRNO: Readonly<Record<string, string>> = {
  EPERM: 'Permission denied (you must be root)',
  EINVAL: 'Invalid operation.  Possibly wrong module version, address not unicast, ...',
  ENOPROTOOPT: 'Protocol not available',
  ENOMEM: 'Memory allocation problem',
  EOPNOTSUPP: 'Operation not supported with IPv6',
  EAFNOSUPPORT: 'Operation not supported with specified address family',
  EMSGSIZE: 'Module is wrong version',
};

/** Texts of the C library for what else a kernel can answer. */
const STRERROR: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  ESRCH: 'No such process',
  EEXIST: 'File exists',
  ENODEV: 'No such device',
  ENETUNREACH: 'Network is unreachable',
  ERANGE: 'Numerical result out of range',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
};

/** The text for an error that `command` ended in; the error's own message when a kernel never gives such an error. */
export function errorText(command: CommandName, error: IpvsError): string {
  const { errno } = error;
  return BY_COMMAND[command]?.[errno] ?? BY_ERRNO[errno] ?? STRERROR[errno] ?? error.message;
}

/**
 * How an error of the director ends the line.
 * @param status exit status of an ordinary refusal: 255, and 1 in listings, which end the program.
 */
export function stopFor(command: CommandName, error: unknown, status: 1 | 255): unknown {
  if (!(error instanceof IpvsError)) return error;
  if (error.code === 'NO_DAEMON' || error.code === 'NETNS_NOT_SERVED')
    return new Stop(2, `Can't initialize ipvs: ${error.message}`, true);
  if (error.code === 'NOT_PERMITTED') {
    const text = errorText(command, error);
    const question = 'Are you sure that IP Virtual Server is built in the kernel or as module?';
    return new Stop(2, `Can't initialize ipvs: ${text}\n${question}`, true);
  }
  return new Stop(status, errorText(command, error), status === 1);
}
