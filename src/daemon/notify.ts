/** Telling the service manager how the daemon is (sd_notify(3)): ready, stopping, alive. */
import { sendUnixDatagram } from '../linux/unix-datagram.js';

/** What a service manager asked for in the environment. */
export interface ServiceManager {
  /** Sends state lines such as `READY=1`. A manager that does not listen is no failure of ours. */
  notify(...lines: string[]): void;
  /** Milliseconds within which `WATCHDOG=1` is expected, or undefined. */
  readonly watchdogMs: number | undefined;
}

/** The manager that `env` names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`); one that ignores everything if none. */
export function serviceManager(env: NodeJS.ProcessEnv, onFailure: (error: unknown) => void): ServiceManager {
  const socket = env.NOTIFY_SOCKET;
  if (!socket) return { notify: () => {}, watchdogMs: undefined };
  const forUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid;
  const usec = forUs ? Number(env.WATCHDOG_USEC) : Number.NaN;
  return {
    notify(...lines) {
      try {
        sendUnixDatagram(socket, new TextEncoder().encode(lines.join('\n')));
      } catch (error) {
        onFailure(error);
      }
    },
    watchdogMs: usec > 0 ? usec / 1000 : undefined,
  };
}

/**
 * Sends `WATCHDOG=1` at half the period as long as `alive` resolves: a data path that hangs is then noticed too.
 * @returns stops it.
 */
export function startWatchdog(manager: ServiceManager, alive: () => Promise<unknown>): () => void {
  if (manager.watchdogMs === undefined) return () => {};
  const ping = () =>
    void alive().then(
      () => manager.notify('WATCHDOG=1'),
      () => {},
    );
  const timer = setInterval(ping, manager.watchdogMs / 2);
  return () => clearInterval(timer);
}
