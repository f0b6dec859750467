/** The data paths that a daemon can run. */
import type { Director } from '../control/command.js';
import type { Config } from './config.js';
import type { Logger } from './logger.js';

/** A running data path: carries out commands, and packets if it has any. */
export interface Datapath extends Director {
  /** Stops it and removes what it changed on the machine. */
  stop(): Promise<void>;
  /** Rejects when it ends by itself. */
  readonly failed: Promise<never>;
}

/** Starts the data path that `config` names. */
export async function openDatapath(config: Config, log: Logger): Promise<Datapath> {
  // each is loaded only when it is wanted: the TUN data path brings system calls along
  if (config.datapath === 'none') {
    const { startWithoutPackets } = await import('./no-datapath.js');
    return startWithoutPackets(config);
  }
  const { startTunDatapath } = await import('./tun-datapath.js');
  return startTunDatapath({ ...config, log });
}
