/** HTTP status of each error. */
import type { ErrorCode } from '../../errors.js';

/** By code: 4xx when another request would succeed, 5xx when it is the director's. */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  SERVICE_EXISTS: 409,
  SERVICE_NOT_FOUND: 404,
  DEST_EXISTS: 409,
  DEST_NOT_FOUND: 404,
  VIP_EXISTS: 409,
  VIP_NOT_FOUND: 404,
  SCHEDULER_NOT_FOUND: 422,
  PE_NOT_FOUND: 422,
  INVALID: 422,
  OUT_OF_RANGE: 422,
  FAMILY_NOT_SUPPORTED: 422,
  NOT_SUPPORTED: 501,
  DAEMON_RUNNING: 409,
  DAEMON_NOT_RUNNING: 404,
  NO_DEVICE: 422,
  NO_NETWORK: 422,
  NO_ADDRESS: 422,
  NO_SYSCTL: 404,
  NO_NETNS: 422,
  NETNS_NOT_SERVED: 404,
  NO_MEMORY: 507,
  UNAUTHORIZED: 401,
  NOT_PERMITTED: 403,
  BAD_REQUEST: 400,
  BAD_CONFIG: 422,
  NO_DAEMON: 503,
  ALREADY_SERVED: 409,
  SYSTEM: 500,
};
