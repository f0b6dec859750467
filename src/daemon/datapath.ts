/** The data paths that a daemon can run. */
import type { Director, ServiceKey } from '../control/command.js';
import type { DaemonSettings } from './config/config.js';
import type { Defaults } from './config/managed.js';
import type { Watched } from './event-hub.js';
import type { Logger, LogLevel } from './logger.js';
import type { ProbeRoute } from './probe-route.js';
import type { ServerAnswers } from './server-answers.js';

/** A running data path: carries out commands, and packets if it has any. */
export interface Datapath extends Director, Watched {
  /** Decides where connections of health checks go; absent where no packets are carried. */
  probe?(route: ProbeRoute): Promise<null>;
  /** What became of the TCP connections to each server of a service; absent where no packets are carried. */
  answers?(service: ServiceKey): Promise<ServerAnswers[]>;
  /** Stops it and removes what it changed on the machine. @param forget also what it has on record for the next one. */
  stop(forget?: boolean): Promise<void>;
  /** What its director had before anything was restored. */
  readonly defaults: Defaults;
  /** Rejects when it ends by itself. */
  readonly failed: Promise<never>;
}

/** Starts the data path that `config` names in a network namespace, or in the daemon's own. */
export async function openDatapath(
  config: DaemonSettings,
  netns: string | undefined,
  log: Logger,
): Promise<Datapath> {
  // each is loaded only when it is wanted: the TUN data path brings system calls along
  if (config.datapath === 'none') {
    const { startWithoutPackets } = await import('./no-datapath.js');
    const { loadSchedulers } = await import('./schedulers.js');
    const schedulers = await loadSchedulers(config.schedulers ?? [], (scheduler, hook, error) =>
      log.error('scheduler failed', { scheduler, hook, error: String(error) }),
    );
    return startWithoutPackets(config, schedulers);
  }
  const { startTunDatapath } = await import('./tun-datapath.js');
  const { netns: _all, ...common } = config;
  return startTunDatapath({ ...common, ...(netns !== undefined && { netns }), log: inNetns(log, netns) });
}

/** The same log, with the namespace in each line. */
function inNetns(log: Logger, netns: string | undefined): Logger {
  if (netns === undefined) return log;
  const at =
    (level: LogLevel): Logger[LogLevel] =>
    (message, fields) =>
      log[level](message, { netns, ...fields });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
