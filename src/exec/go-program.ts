/** Which programs are written in Go: its netlink libraries take answers from port 0 alone, which only the kernel has. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const ELF_MAGIC = 0x7f454c46;
const ELF_CLASS_64 = 2;
const PT_NOTE = 4;
/** Bytes of the ELF header, and of one program header, of 64-bit programs. */
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
/** Notes are looked at as far as this. */
const NOTES = 4096;

const known = new Map<string, boolean>();

/** Whether process `pid` runs a Go program: such programs bear a note named `Go`, their build's id. */
export function isGoProgram(pid: number): boolean {
  let fd: number;
  try {
    fd = openSync(`/proc/${pid}/exe`, 'r');
  } catch {
    return false;
  }
  try {
    const { dev, ino, mtimeMs } = fstatSync(fd);
    const key = `${dev}:${ino}:${mtimeMs}`;
    let found = known.get(key);
    if (found === undefined) {
      found = hasGoNote(fd);
      known.set(key, found);
    }
    return found;
  } finally {
    closeSync(fd);
  }
}

function hasGoNote(fd: number): boolean {
  const header = readAt(fd, 0, ELF_HEADER);
  if (header.length < ELF_HEADER || header.readUInt32BE(0) !== ELF_MAGIC || header[4] !== ELF_CLASS_64)
    return false;
  const [offset, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(56)];
  const programHeaders = readAt(fd, offset, count * PROGRAM_HEADER);
  for (let at = 0; at + PROGRAM_HEADER <= programHeaders.length; at += PROGRAM_HEADER) {
    if (programHeaders.readUInt32LE(at) !== PT_NOTE) continue;
    const where = Number(programHeaders.readBigUInt64LE(at + 8));
    const length = Number(programHeaders.readBigUInt64LE(at + 32));
    if (namesGo(readAt(fd, where, Math.min(length, NOTES)))) return true;
  }
  return false;
}

/** Notes: name's length u32, description's length u32, type u32, name, description, each filled up to a multiple of four. */
function namesGo(notes: Buffer): boolean {
  let at = 0;
  while (at + 12 <= notes.length) {
    const [nameLength, length] = [notes.readUInt32LE(at), notes.readUInt32LE(at + 4)];
    if (notes.toString('latin1', at + 12, at + 12 + nameLength) === 'Go\0\0') return true;
    at += 12 + align(nameLength) + align(length);
  }
  return false;
}

function align(length: number): number {
  return (length + 3) & ~3;
}

function readAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
}
