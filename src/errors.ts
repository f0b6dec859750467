/** The one table of errors that a command or a setting can end in. docs/errors.md is held against it by a test. */

/** Every error code, with the kernel's errno and what it says. */
export const ERRORS = {
  SERVICE_EXISTS: { errno: 'EEXIST', message: 'Service already exists' },
  SERVICE_NOT_FOUND: { errno: 'ESRCH', message: 'No such service' },
  DEST_EXISTS: { errno: 'EEXIST', message: 'Destination already exists' },
  DEST_NOT_FOUND: { errno: 'ENOENT', message: 'No such destination' },
  VIP_EXISTS: { errno: 'EEXIST', message: 'Virtual address already added' },
  VIP_NOT_FOUND: { errno: 'ENOENT', message: 'No such virtual address' },
  HEALTH_NOT_FOUND: { errno: 'ENOENT', message: 'No health checks' },
  SCHEDULER_NOT_FOUND: { errno: 'ENOENT', message: 'Scheduler not found' },
  PE_NOT_FOUND: { errno: 'ENOENT', message: 'Persistence engine not found' },
  INVALID: { errno: 'EINVAL', message: 'Invalid value' },
  OUT_OF_RANGE: { errno: 'ERANGE', message: 'Value out of range' },
  FAMILY_NOT_SUPPORTED: { errno: 'EAFNOSUPPORT', message: 'Address family not supported' },
  NOT_SUPPORTED: { errno: 'EOPNOTSUPP', message: 'Operation not supported' },
  DAEMON_RUNNING: { errno: 'EEXIST', message: 'Daemon has already run' },
  DAEMON_NOT_RUNNING: { errno: 'ESRCH', message: 'No daemon is running' },
  NO_DEVICE: { errno: 'ENODEV', message: 'No such device' },
  NO_NETWORK: { errno: 'ENETUNREACH', message: 'Network is unreachable' },
  NO_ADDRESS: { errno: 'EADDRNOTAVAIL', message: 'Cannot assign requested address' },
  NO_SYSCTL: { errno: 'ENOENT', message: 'No such sysctl' },
  NO_NETNS: { errno: 'ENOENT', message: 'No such network namespace' },
  NETNS_NOT_SERVED: { errno: 'ENOENT', message: 'Network namespace not served' },
  NO_MEMORY: { errno: 'ENOMEM', message: 'Out of memory' },
  UNAUTHORIZED: { errno: 'EACCES', message: 'Not authorised' },
  NOT_PERMITTED: { errno: 'EPERM', message: 'Operation not permitted' },
  BAD_REQUEST: { errno: 'EINVAL', message: 'Malformed request' },
  BAD_CONFIG: { errno: 'EINVAL', message: 'Malformed configuration' },
  BAD_STATE: { errno: 'EINVAL', message: 'Malformed state file' },
  NO_DAEMON: { errno: 'ECONNREFUSED', message: 'The ipvsd daemon does not answer' },
  ALREADY_SERVED: { errno: 'EBUSY', message: 'Another daemon serves this network namespace' },
  SYSTEM: { errno: 'EIO', message: 'A system call failed' },
} as const satisfies Record<string, { errno: string; message: string }>;

/** A code of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** An error of {@link ERRORS}; `field` names the input at fault, as the caller spelt it. */
export class IpvsError extends Error {
  override readonly name = 'IpvsError';
  readonly code: ErrorCode;
  /** The errno's name, e.g. `EEXIST`. */
  readonly errno: string;
  readonly field: string | undefined;
  /** What else was found to be wrong at the same time. */
  readonly others: readonly IpvsError[];

  /** @param detail what was found and what was expected; the table's message when left out. */
  constructor(code: ErrorCode, detail?: string, field?: string, others: readonly IpvsError[] = []) {
    const { errno, message } = ERRORS[code];
    super(`${field === undefined ? '' : `${field}: `}${detail ?? message}`);
    this.code = code;
    this.errno = errno;
    this.field = field;
    this.others = others;
  }
}
