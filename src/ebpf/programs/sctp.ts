/**
 * SCTP in the tc program. Its checksum, a CRC32c, has no pseudo header: only a changed port would change it, by an amount that depends on how long the packet is.
 * So connections whose port changes are left to the slow path, and nothing is summed here.
 */
import type { Assembler } from '../assembler.js';
import { type Register, r4, r5 } from '../operand.js';
import { packet, SLOW } from './common.js';
import { ETH_HLEN, SCTP } from './headers.js';

/** Chunk types that move a connection: INIT, INIT ACK, ABORT, SHUTDOWN, SHUTDOWN ACK, ERROR, COOKIE ECHO, COOKIE ACK, SHUTDOWN COMPLETE. */
const MOVING = [1, 2, 6, 7, 8, 9, 10, 11, 14].reduce((bits, type) => bits | (1 << type), 0);
const LAST_MOVING = 14;

/**
 * Leaves packets whose first chunk may change a state: it is the only one that IPVS looks at.
 * @param length register with the bytes of the IP packet. @param header bytes of its IP header.
 */
export function ordinarySctp(
  a: Assembler,
  length: Register,
  end: Register,
  header: number,
  done: string,
): void {
  const type = r5;
  a.jumpIf(length, '<', header + SCTP.size, SLOW);
  a.needBytes(packet, ETH_HLEN + header + SCTP.size, end, type, SLOW);
  a.load(type, SCTP.at(packet, ETH_HLEN + header).chunkType).jumpIf(type, '>', LAST_MOVING, done);
  a.mov(r4, 1).lsh(r4, type).jumpIf(r4, '&', MOVING, SLOW).jump(done);
}
