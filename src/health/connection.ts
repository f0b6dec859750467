/** TCP connections of checks. */
import { connect, type Socket } from 'node:net';
import type { Target } from './checker.js';

/** Begins a connection; see `net.connect`. @param signal ends it */
export function openConnection({ address, port, local }: Target, signal: AbortSignal): Socket {
  return connect({
    host: address,
    port,
    signal,
    ...(local !== undefined && { localAddress: local.address, localPort: local.port }),
  });
}

/** Ends a connection. One from a port of its own ends by RST where it can: its next check may have the same port then, which would have to wait else. */
export function closeConnection(socket: Socket, { local }: Target): void {
  // whatever comes of the rest is nobody's concern any more
  socket.on('error', () => {});
  // one that the server has ended is waited for by nobody, and cannot be reset: its descriptor would be lost
  const first = !socket.connecting && !socket.writableEnded && !socket.destroyed;
  if (local !== undefined && first) socket.resetAndDestroy();
  else socket.destroy();
}
