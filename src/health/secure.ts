/** TLS on the connections of checks. */
import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Target } from './checker.js';
import { openConnection } from './connection.js';
import { trustIn } from './trust.js';

/** How a server is to show who it is. */
export interface TlsTerms {
  /** Whom the certificate is to name, and who is asked for (SNI): a host name, or an address, which is not asked for. Default: the address. */
  readonly serverName?: string;
  /** Whether the certificate must be good: signed by somebody who is trusted, of the right name, in its time. */
  readonly verify: boolean;
  /** File of the authorities that are trusted (PEM), instead of the public ones. */
  readonly ca?: string;
}

/** A connection, and TLS on it; neither need stand yet. */
export interface SecureConnection {
  readonly below: Socket;
  readonly secure: TLSSocket;
}

/**
 * Begins a connection with TLS on it.
 * @param signal ends it. @param protocols that are offered (ALPN), when any are.
 * @throws when `ca` cannot be read
 */
export async function openSecure(
  target: Target,
  { serverName, verify, ca }: TlsTerms,
  signal: AbortSignal,
  protocols?: string[],
): Promise<SecureConnection> {
  const secureContext = ca === undefined || !verify ? undefined : await trustIn(ca);
  const below = openConnection(target, signal);
  const secure = connect({
    socket: below,
    host: serverName ?? target.address,
    rejectUnauthorized: verify,
    ...(serverName !== undefined && isIP(serverName) === 0 && { servername: serverName }),
    ...(secureContext !== undefined && { secureContext }),
    ...(protocols !== undefined && { ALPNProtocols: protocols }),
  });
  // the end of what is below is the end of it, and its error the reason: it may be told twice
  below.on('error', (error) => secure.destroy(error));
  secure.on('error', () => {});
  return { below, secure };
}
