/** The life of a daemon: data path, configuration, API; readiness; and everything taken away at the end. */
import { socketPath } from '../control/client.js';
import { createApi } from '../control/http/api.js';
import { claimSocket, listenOn } from './api-socket.js';
import { applyConfig, type Config } from './config.js';
import { openDatapath } from './datapath.js';
import { repairLeftovers } from './leftovers.js';
import type { Logger } from './logger.js';
import { Namespaces, type OpenNamespace } from './namespaces.js';
import { serviceManager, startWatchdog } from './notify.js';

/**
 * Runs a daemon until `stop` is aborted.
 * @throws what kept it from starting, or ended it; all that it made is removed in either case.
 */
export async function runDaemon(config: Config, log: Logger, stop: AbortSignal): Promise<void> {
  const manager = serviceManager(process.env, (error) =>
    log.warn('service manager not told', { error: String(error) }),
  );
  const undo: (() => unknown)[] = [];
  try {
    const socket = socketPath(config.socket);
    await claimSocket(socket);
    const open: OpenNamespace = (netns) => openDatapath(config, netns, log);
    const namespaces = await Namespaces.open(config.netns ?? [], open, log);
    undo.push(() => namespaces.close());
    if (config.datapath !== 'none') await repairLeftovers(open, log);
    await applyConfig(namespaces.director(), config);

    let ready = false;
    const api = await createApi({
      director: (netns) => namespaces.director(netns),
      ready: () => ready,
      onFault: (error) => log.error('fault', { error: error instanceof Error ? error.stack : String(error) }),
      onAnswer: (request) => log.debug('request', request),
    });
    undo.push(() => api.close());
    await listenOn(api, socket);
    undo.push(startWatchdog(manager, () => namespaces.alive()));

    ready = true;
    manager.notify('READY=1', `MAINPID=${process.pid}`);
    log.info('ready', {
      socket,
      datapath: config.datapath ?? 'tun',
      netns: config.netns?.join(','),
      pid: process.pid,
    });
    await Promise.race([aborted(stop), namespaces.failed]);
    ready = false;
    manager.notify('STOPPING=1');
    log.info('stopping');
  } finally {
    // in reverse: no commands first, then no packets
    for (const step of undo.reverse()) await step();
  }
  log.info('stopped');
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
