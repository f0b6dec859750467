/** `ipvsd decap`: the flags of the decapsulator. */

import { createLogger } from '../daemon/logger.js';
import { DECAP_TUNNELS, type DecapOptions, runDecap } from '../datapath/decap/run.js';
import { type InetAddr, parseInet } from '../wire/inet.js';
import { UsageError } from './usage-error.js';

/** The flags as they were given. */
export type DecapFlags = Readonly<{
  netns?: string;
  tunnel?: string;
  guePort?: string;
  address?: string;
  from?: string;
  device?: string;
}>;

/**
 * Takes packets out of tunnels until `stop`.
 * @throws UsageError naming the flag, and what {@link runDecap} throws.
 */
export async function decap(flags: DecapFlags, stop: AbortSignal): Promise<void> {
  const log = createLogger('info', 'text');
  const options = readFlags(flags);
  const counters = await runDecap({ ...options, onReady: (device) => log.info('ready', { device }) }, stop);
  log.info('stopped', { ...counters });
}

/** The decapsulator's options. @throws UsageError naming the flag */
export function readFlags({ netns, tunnel, guePort, address, from, device }: DecapFlags): DecapOptions {
  return {
    ...(netns !== undefined && { netns }),
    ...(device !== undefined && { device }),
    ...(tunnel !== undefined && { tunnels: tunnel.split(',').map(readTunnel) }),
    ...(guePort !== undefined && { guePort: readPort(guePort) }),
    ...(address !== undefined && { addresses: readAddresses(address, '--address') }),
    ...(from !== undefined && { from: readAddresses(from, '--from') }),
  };
}

function readTunnel(word: string): (typeof DECAP_TUNNELS)[number] {
  const kind = DECAP_TUNNELS.find((name) => name === word);
  if (kind === undefined)
    throw new UsageError(`--tunnel: "${word}" is not a tunnel (${DECAP_TUNNELS.join(', ')})`);
  return kind;
}

function readPort(word: string): number {
  const port = /^\d{1,5}$/.test(word) ? Number(word) : 0;
  if (port < 1 || port > 65535) throw new UsageError(`--gue-port: "${word}" is not a port (1..65535)`);
  return port;
}

function readAddresses(words: string, flag: string): InetAddr[] {
  return words.split(',').map((word) => {
    const address = parseInet(word);
    if (address === undefined) throw new UsageError(`${flag}: "${word}" is not an IPv4 or IPv6 address`);
    return address;
  });
}
