/** The process that answers the calls of a program and of all that came of it. Started by `launch.ts`: PID SOCKET LOG. */
import { appendFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { connectDirector } from '../control/client.js';
import { toCommandError } from '../control/command-error.js';
import { closeFd } from '../linux/fd.js';
import { libc } from '../linux/libc.js';
import { takeFd } from '../linux/remote-process.js';
import { Listener } from '../linux/seccomp.js';
import type { GateMessage, GateOptions } from './gate.js';
import { hear, type LauncherWord, say } from './handshake.js';
import { SUPERVISOR_FD } from './launch.js';
import { patientDirector } from './patient-director.js';
import { Supervisor } from './supervisor.js';

/** How long a program waits for a daemon that is started again, ms. */
const PATIENCE = 10_000;

const [pid, socket, logFile] = process.argv.slice(2) as [string, string, string];

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
  const client = connectDirector({ socket });
  try {
    await client.execute('info', {});
    say(SUPERVISOR_FD, { word: 'ready' });
    const word = hear<LauncherWord>(SUPERVISOR_FD);
    if (word === undefined) return client.close();
    const fd = takeFd(Number(pid), word.listener);
    const gate = new Worker(new URL('./gate.js', import.meta.url), {
      workerData: { listener: fd } satisfies GateOptions,
    });
    const supervisor = new Supervisor(new Listener(fd), patientDirector(client, PATIENCE), log);
    gate.on('message', (message: GateMessage) => {
      if (message === 'end') process.exit(0);
      void supervisor.handle(message.call, message.path);
    });
    gate.on('error', (error) => {
      log(String(error));
      process.exit(1);
    });
    say(SUPERVISOR_FD, { word: 'taken' });
    closeFd(SUPERVISOR_FD);
  } catch (error) {
    say(SUPERVISOR_FD, { word: 'refused', error: toCommandError(error) });
    process.exit(1);
  }
}

await main();
