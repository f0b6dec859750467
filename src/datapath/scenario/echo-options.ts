/** The IPv4 options of answers: `ip_options_echo`, `ip_options_build`. */
import type { Packet } from '../../wire/packet.js';
import { type IpOptions, type OptionSource, TS_PRESPEC } from './ip-options.js';

/** Options may be read at places where there are none, behind the header of a packet that was taken out of another: each length is a byte. */
const ROOM = 1100;
/** Least pointer to what is written next. */
const FIRST = 4;
/** Most bytes of options that a header can have. */
const MOST = 40;

/**
 * The options of an answer to `p`: the recorded route and the timestamps go on, and a source route is walked backwards.
 * @param from `own`: the answer's source address.
 * @param sender of `p`, host order: the last of the route.
 * @returns their bytes, a multiple of 4; undefined when no answer may be sent.
 */
export function echoOptions(
  p: Packet,
  options: IpOptions,
  from: OptionSource,
  sender: number,
): Uint8Array | undefined {
  const bytes = new Uint8Array(ROOM);
  let end = 0;
  /** Copies the option at `at`. @returns where it is now. */
  const copy = (at: number): DataView => {
    const length = p.view.getUint8(p.data + at + 1);
    bytes.set(p.bytes.subarray(p.data + at, p.data + at + length), end);
    end += length;
    return new DataView(bytes.buffer, end - length);
  };
  if (options.recordRoute !== 0 && !goOnRecording(copy(options.recordRoute), options, from)) return undefined;
  if (options.timestamp !== 0 && !goOnStamping(copy(options.timestamp), options, from)) return undefined;
  const back = wayBack(p, options, sender);
  if (back !== undefined) {
    bytes.set(back.option, end);
    new DataView(bytes.buffer).setInt32(end + back.option.length - 4, sender);
    end += back.option.length;
  }
  if (options.cipso !== 0) copy(options.cipso);
  return end > MOST ? undefined : bytes.subarray(0, (end + 3) & ~3);
}

/** False when there is no room for a whole address. */
function goOnRecording(v: DataView, options: IpOptions, { own }: OptionSource): boolean {
  const length = v.getUint8(1);
  const pointer = v.getUint8(2);
  if (!options.recordedAddress || pointer > length) return true;
  if (pointer + 3 > length) return false;
  if (pointer < FIRST) return true;
  v.setInt32(pointer - 1, own);
  v.setUint8(2, pointer + 4);
  return true;
}

/** False when there is no room for what is to be written. */
function goOnStamping(v: DataView, options: IpOptions, from: OptionSource): boolean {
  const length = v.getUint8(1);
  let pointer = v.getUint8(2);
  if (pointer > length) return true;
  if ((options.stampedAddress || options.stamped) && pointer + 3 > length) return false;
  if (pointer < FIRST) return true;
  if (options.stampedAddress) {
    v.setInt32(pointer - 1, from.own);
    pointer += 4;
  }
  if (options.stamped) {
    if (pointer + 3 > length) return false;
    if ((v.getUint8(3) & 15) !== TS_PRESPEC) pointer += 4;
    else if (pointer + 7 <= length && !from.isUnicast(v.getInt32(pointer - 1))) pointer += 8;
    if (pointer !== v.getUint8(2)) v.setUint32(pointer - 5, from.time);
  }
  v.setUint8(2, pointer);
  return true;
}

/**
 * The source route of `p` backwards, its last address left open, and where it leads to first (host order). Undefined when no hop has been
 * passed yet but the sender itself.
 */
export function wayBack(
  p: Packet,
  { sourceRoute }: IpOptions,
  sender: number,
): { option: Uint8Array; hop: number } | undefined {
  if (sourceRoute === 0) return undefined;
  const v = new DataView(p.bytes.buffer, p.bytes.byteOffset + p.data + sourceRoute);
  const length = v.getUint8(1);
  const passed: number[] = [];
  let at = Math.min(v.getUint8(2), length + 1) - 4;
  for (; at > 3; at -= 4) passed.push(v.getInt32(at - 1));
  const hop = passed.shift();
  if (hop === undefined) return undefined;
  // RFC 1812 5.3.13.4: the sender is not named twice
  if (v.getInt32(at + 3) === sender) {
    if (passed.length === 0) return undefined;
    passed.pop();
  }
  const option = new Uint8Array(3 + 4 * (passed.length + 1));
  const out = new DataView(option.buffer);
  option.set([v.getUint8(0), option.length, 4]);
  for (const [i, addr] of passed.entries()) out.setInt32(3 + 4 * i, addr);
  return { option, hop };
}
