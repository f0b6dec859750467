/** The life of a daemon: data path, configuration, API; readiness; and everything taken away at the end. */
import { socketPath } from '../control/client.js';
import { type ApiOptions, createApi } from '../control/http/api.js';
import { claimSocket, listenOn } from './api-socket.js';
import { checkTcp, listenOnTcp, type TcpApi } from './api-tcp.js';
import { checkedDatapath } from './checked-datapath.js';
import type { DaemonSettings } from './config/config.js';
import { Configurator } from './config/configurator.js';
import { ConfigReader } from './config/reader.js';
import { openDatapath } from './datapath.js';
import { rememberedDown } from './down-servers.js';
import { repairLeftovers } from './leftovers.js';
import type { Logger } from './logger.js';
import { Namespaces, type OpenNamespace } from './namespaces.js';
import { serviceManager, startWatchdog } from './notify.js';
import { patiently } from './patient-open.js';
import { applyFile, reload } from './reload.js';
import { Upgrade } from './upgrade.js';

/** How to run a daemon. */
export interface DaemonStart {
  /** What it runs with: the file's settings and the flags'. */
  readonly settings: DaemonSettings;
  /** Those of the settings that flags have set. */
  readonly flags: DaemonSettings;
  /** The configuration file, if there is one. */
  readonly file?: ConfigFile;
  /** Calls `listener` whenever the file is to be read anew. @returns ends that */
  onReload(listener: () => void): () => void;
}

/** A configuration file. */
export interface ConfigFile {
  readonly path: string;
  /** Whoever has read it already, and so is quick to read it again. */
  readonly reader: ConfigReader;
}

/**
 * Runs a daemon until `stop` is aborted.
 * @returns true when another program is to take its place.
 * @throws what kept it from starting, or ended it; all that it made is removed in either case.
 */
export async function runDaemon(
  { settings, flags, file, onReload }: DaemonStart,
  log: Logger,
  stop: AbortSignal,
): Promise<boolean> {
  const manager = serviceManager(process.env, (error) =>
    log.warn('service manager not told', { error: String(error) }),
  );
  let again = false;
  let onHangup = (): void => {};
  // a daemon that cannot be told anything yet is no reason to end it
  const undo: (() => unknown)[] = [onReload(() => onHangup())];
  try {
    const socket = socketPath(settings.socket);
    checkTcp(settings);
    await claimSocket(socket);
    const open = patiently((netns) => openDatapath(settings, netns, log));
    const openChecked: OpenNamespace = async (netns) =>
      checkedDatapath(await open(netns), netns, log, rememberedDown(settings, netns, log));
    const namespaces = await Namespaces.open(settings.netns ?? [], openChecked, log);
    undo.push(() => namespaces.close());
    if (settings.datapath !== 'none') {
      // what is left there is for nobody
      await repairLeftovers(
        (netns) => openDatapath({ ...settings, restore: false, pin: false }, netns, log),
        log,
      );
    }
    const reader = file?.reader ?? new ConfigReader();
    const configurator = await Configurator.open((netns) => namespaces.director(netns), {
      reader,
      settings,
      flags,
      defaults: namespaces.defaults,
    });
    if (file !== undefined) await applyFile(configurator.director(), file.path);

    const upgrade = new Upgrade(settings.pin === true || settings.restore === true);
    let ready = false;
    const apiOptions: ApiOptions = {
      director: (netns) => upgrade.director(configurator.director(netns)),
      events: namespaces.events.listen,
      ready: () => ready,
      onFault: (error) => log.error('fault', { error: error instanceof Error ? error.stack : String(error) }),
      onAnswer: (request) => {
        log.debug('request', request);
        upgrade.answered();
      },
    };
    const api = await createApi(apiOptions);
    undo.push(() => api.close());
    await listenOn(api, socket);
    const tcp = await listenOnTcp(settings, apiOptions);
    undo.push(() => tcp?.close());
    undo.push(startWatchdog(manager, () => namespaces.alive()));

    onHangup = () => {
      if (tcp !== undefined) readSecretsAgain(tcp, log);
      void reload(configurator.director(), file, log, manager);
    };
    ready = true;
    manager.notify('READY=1', `MAINPID=${process.pid}`);
    log.info('ready', {
      socket,
      listen: tcp && `${tcp.address.host} port ${tcp.address.port}`,
      datapath: settings.datapath ?? 'tun',
      netns: settings.netns?.join(','),
      pid: process.pid,
    });
    await Promise.race([aborted(stop), namespaces.failed, upgrade.wanted.then(() => (again = true))]);
    ready = false;
    // for a service manager it is the same process that goes on
    if (again) manager.notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    else manager.notify('STOPPING=1');
    log.info(again ? 'making way for another program' : 'stopping');
  } finally {
    // in reverse: no commands first, then no packets
    for (const step of undo.reverse()) await step();
  }
  log.info('stopped');
  return again;
}

/** Takes over new tokens and certificates. When they cannot be read, those of before stay. */
function readSecretsAgain(tcp: TcpApi, log: Logger): void {
  try {
    tcp.reload();
  } catch (error) {
    log.error('tokens and certificates not read again', { error: (error as Error).message });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
