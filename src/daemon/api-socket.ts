/** The unix socket of the API: one daemon to a path. */
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { IpvsError } from '../errors.js';

/**
 * Makes sure that `path` can be listened on: makes its directory, removes the socket of a daemon that is no more.
 * @throws ALREADY_SERVED when a daemon answers there, BAD_CONFIG when something else is there, NOT_PERMITTED.
 */
export async function claimSocket(path: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSocket()) throw new IpvsError('BAD_CONFIG', `${path} exists and is no socket`, 'socket');
    if (await answers(path)) throw new IpvsError('ALREADY_SERVED', `another ipvsd daemon answers at ${path}`);
    unlinkSync(path);
  } catch (error) {
    throw socketError(error, path);
  }
}

/**
 * Listens on `path`, for this user alone (mode 0600).
 * @throws ALREADY_SERVED, NOT_PERMITTED, SYSTEM.
 */
export async function listenOn(api: FastifyInstance, path: string): Promise<void> {
  // so that the socket is private from its first moment
  const mask = process.umask(0o177);
  try {
    await api.listen({ path });
  } catch (error) {
    throw socketError(error, path);
  } finally {
    process.umask(mask);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = createConnection(path);
    connection.on('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

function socketError(error: unknown, path: string): unknown {
  if (error instanceof IpvsError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new IpvsError('ALREADY_SERVED', `another ipvsd daemon listens on ${path}`);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new IpvsError(
      'NOT_PERMITTED',
      `${path} cannot be made: ${message} (are you root? --socket names another path)`,
    );
  }
  return new IpvsError('SYSTEM', `${path}: ${message}`);
}
