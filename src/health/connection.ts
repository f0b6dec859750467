/** TCP connections of checks. */
import { connect, type Socket } from 'node:net';
import type { Target } from './checker.js';

/** Begins a connection; see `net.connect`. @param signal ends it */
export function openConnection({ address, port, local }: Target, signal: AbortSignal): Socket {
  const socket = connect({
    host: address,
    port,
    ...(local !== undefined && { localAddress: local.address, localPort: local.port }),
  });
  // as the option `signal` does, which also waits for the end of every stream: a fifth of all that a check costs
  const end = (): void => void socket.destroy(signal.reason as Error);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return socket;
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
