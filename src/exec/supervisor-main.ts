/** The process that answers the calls of a program and of all that came of it. Started by `launch.ts`: PID SOCKET NETNS LOG. */
import { appendFileSync } from 'node:fs';
import { toCommandError } from '../control/command-error.js';
import { closeFd } from '../linux/fd.js';
import { libc } from '../linux/libc.js';
import { takeFd } from '../linux/remote-process.js';
import { Listener } from '../linux/seccomp.js';
import { DaemonConnection } from './daemon-connection.js';
import { hear, type LauncherWord, say } from './handshake.js';
import { SUPERVISOR_FD } from './launch.js';
import { runLoop } from './loop.js';
import { patientDirector } from './patient-director.js';
import { Supervisor } from './supervisor.js';

/** How long a program waits for a daemon that is started again, ms. */
const PATIENCE = 10_000;

const [pid, socket, netns, logFile] = process.argv.slice(2) as [string, string, string, string];

function log(message: string): void {
  if (logFile === '') return;
  appendFileSync(logFile, `${new Date().toISOString()} exec ${pid}: ${message}\n`);
}

/** A program that is told to end may still have something to ask: we end after it. */
function outliveSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => {});
  libc.setsid();
  process.chdir('/');
}

async function main(): Promise<void> {
  outliveSignals();
  let listener: Listener;
  const daemon = new DaemonConnection(socket, netns || undefined);
  try {
    await daemon.ask();
    say(SUPERVISOR_FD, { word: 'ready' });
    const word = hear<LauncherWord>(SUPERVISOR_FD);
    // the launcher has found no need for us
    if (word === undefined) return;
    listener = new Listener(takeFd(Number(pid), word.listener));
    say(SUPERVISOR_FD, { word: 'taken' });
    closeFd(SUPERVISOR_FD);
  } catch (error) {
    say(SUPERVISOR_FD, { word: 'refused', error: toCommandError(error) });
    return;
  }
  listener.preferSameCpu();
  await runLoop(listener, daemon, new Supervisor(listener, patientDirector(daemon, PATIENCE), log));
}

main().then(
  () => process.exit(0),
  (error) => {
    log(error instanceof Error ? String(error.stack) : String(error));
    process.exit(1);
  },
);
