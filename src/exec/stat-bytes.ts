/** What stat(2) and statx(2) tell of a file that is not there. */
import { LITTLE } from '../wire/netlink.js';

/** Where the fields of `struct stat` lie; each machine has its own order. */
const LAYOUTS: Readonly<
  Record<string, { readonly size: number; readonly mode: number; readonly links: number }>
> = {
  x64: { size: 144, mode: 24, links: 16 },
  arm64: { size: 128, mode: 16, links: 20 },
};
/** The same on all machines: block size, then three times of seconds and nanoseconds. */
const BLOCK_SIZE = 56;
const TIMES = [72, 88, 104];
const BLOCK = 1024;

const STATX = { size: 256, mask: 0, blockSize: 4, links: 16, mode: 28, times: [64, 96, 112] } as const;
const STATX_BASIC_STATS = 0x7ff;

/** `struct stat` of a file of `mode` (kind and permissions) that belongs to root and was made now. */
export function statBytes(mode: number): Uint8Array {
  const { size, mode: modeAt, links } = LAYOUTS[process.arch]!;
  const view = new DataView(new ArrayBuffer(size));
  view.setUint32(modeAt, mode, LITTLE);
  view.setUint32(links, 1, LITTLE);
  view.setUint32(BLOCK_SIZE, BLOCK, LITTLE);
  for (const at of TIMES) view.setBigInt64(at, now(), LITTLE);
  return new Uint8Array(view.buffer);
}

/** `struct statx` of the same. */
export function statxBytes(mode: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(STATX.size));
  view.setUint32(STATX.mask, STATX_BASIC_STATS, LITTLE);
  view.setUint32(STATX.blockSize, BLOCK, LITTLE);
  view.setUint32(STATX.links, 1, LITTLE);
  view.setUint16(STATX.mode, mode, LITTLE);
  for (const at of STATX.times) view.setBigInt64(at, now(), LITTLE);
  return new Uint8Array(view.buffer);
}

function now(): bigint {
  return BigInt(Math.floor(Date.now() / 1000));
}
