/** getsockopt and setsockopt of IPVS, for programs without netlink. */
import { constants } from 'node:os';
import type { Director } from '../control/command.js';
import { getOption } from '../control/sockopt/get.js';
import { setOption } from '../control/sockopt/set.js';
import { LITTLE } from '../wire/netlink.js';
import type { Call } from './call.js';

/** Bytes of an option that are read at most: more than any structure that can be set. */
const MOST_SET = 4096;

/** getsockopt(fd, IPPROTO_IP, option, value, length). */
export async function getSocketOption(call: Call, director: Director): Promise<void> {
  if (!call.isAdmin) return call.fail(constants.errno.EPERM);
  const [value, lengthAt] = [call.word(3), call.word(4)];
  const room = call.view(lengthAt, 4).getInt32(0, LITTLE);
  if (room < 0) return call.fail(constants.errno.EINVAL);
  const { errno, bytes, length } = await getOption(director, call.int(2), call.read(value, room));
  if (errno !== 0) return call.fail(errno);
  call.write(value, bytes);
  call.writeInt(lengthAt, length);
  call.succeed(0);
}

/** setsockopt(fd, IPPROTO_IP, option, value, length). */
export async function setSocketOption(call: Call, director: Director): Promise<void> {
  if (!call.isAdmin) return call.fail(constants.errno.EPERM);
  const length = call.int(4);
  if (length < 0 || length > MOST_SET) return call.fail(constants.errno.EINVAL);
  const errno = await setOption(director, call.int(2), call.read(call.word(3), length));
  if (errno === 0) call.succeed(0);
  else call.fail(errno);
}
