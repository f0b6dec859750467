/** execve(2): this process becomes another program. */
import { systemError } from './errno.js';
import { addressOf, libc, stableBytes } from './libc.js';

const SIGPIPE = 13;
const SIG_DFL = 0;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/**
 * Becomes the program at `path`, which gets the standard streams and no other descriptor. What Node changed is changed back: it ignores SIGPIPE, and
 * its standard streams neither block nor survive.
 * @param argv the words of the command line, the program's name first. @param env `NAME=value`; bytes, since they may be in any encoding.
 * @throws SystemError when that cannot be; otherwise never returns.
 */
export function execve(path: string, argv: readonly Uint8Array[], env: readonly Uint8Array[]): never {
  for (const fd of [0, 1, 2]) {
    libc.fcntl(fd, F_SETFD, 0);
    const flags = libc.fcntl(fd, F_GETFL, 0);
    if (flags >= 0 && (flags & O_NONBLOCK) !== 0) libc.fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
  libc.signal(SIGPIPE, SIG_DFL);
  const [words, pointersToWords] = cStrings(argv);
  const [variables, pointersToVariables] = cStrings(env);
  const name = Buffer.from(`${path}\0`);
  libc.execve(name, pointersToWords, pointersToVariables);
  const error = systemError(`execve(${path})`);
  // the pointers lead into these
  if (words.length + variables.length === 0) throw new RangeError('no words');
  throw error;
}

/** Texts one after the other, and an array of pointers to them with a null pointer behind it. */
function cStrings(texts: readonly Uint8Array[]): [Uint8Array, Uint8Array] {
  const bytes = stableBytes(texts.reduce((sum, text) => sum + text.length + 1, 1));
  const base = addressOf(bytes);
  const pointers = new BigUint64Array(texts.length + 1);
  let at = 0;
  texts.forEach((text, i) => {
    pointers[i] = BigInt(base + at);
    bytes.set(text, at);
    at += text.length + 1;
  });
  return [bytes, new Uint8Array(pointers.buffer)];
}
