/** A user-mode-linux guest that plays a list of scenarios against the real Linux IPVS. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Played, RecordedScenario } from './format.js';
import { BOOTED, initScript } from './guest-init.js';
import { buildVirtualClock } from './virtual-clock.js';

/** How guests are run. */
export interface GuestOptions {
  /** Let time pass as it does; otherwise waiting costs nothing, where a C compiler allows it. */
  realTime: boolean;
  /** Show the guest's console. */
  verbose: boolean;
  /** Seconds of real time after which a guest is given up. */
  timeout: number;
}

const running = new Set<{ child: ChildProcess; directory: string }>();

/** Ends every guest and removes what it left; for when this process is told to end. */
export function abandonGuests(): void {
  for (const guest of running) dispose(guest);
}

/** Plays `scenarios` in one guest. @returns their results in the same order. */
export async function playInGuest(
  scenarios: readonly RecordedScenario[],
  options: GuestOptions,
): Promise<Played[]> {
  const directory = mkdtempSync(join(tmpdir(), 'ipvsd-record-'));
  writeFileSync(join(directory, 'job.json'), JSON.stringify(scenarios));
  writeFileSync(join(directory, 'init'), initScript(directory), { mode: 0o755 });
  const guest = { child: boot(directory, options), directory };
  running.add(guest);
  try {
    await ended(guest.child, options.timeout);
    const results = scenarios.map((scenario, n) => readResult(directory, n, scenario.name));
    if (options.verbose || results.some((result) => 'crash' in result)) showLogs(directory);
    return results;
  } finally {
    dispose(guest);
  }
}

function boot(directory: string, { realTime }: GuestOptions): ChildProcess {
  const clock = realTime ? undefined : buildVirtualClock(directory);
  if (!realTime && !clock) process.stderr.write('record: no C compiler (gcc): time is real\n');
  const log = openSync(join(directory, 'console'), 'w');
  const child = spawn(
    'linux.uml',
    [
      ...['mem=384M', 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro', `init=${directory}/init`],
      ...['con=null', 'con0=fd:0,fd:1', 'quiet', `umid=${basename(directory)}`, `uml_dir=${directory}/`],
    ],
    {
      stdio: ['ignore', log, log],
      // a process group of its own: the guest and all its processes can be ended together
      detached: true,
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: directory,
        TMPDIR: tmpdir(),
        VIRTUAL_CLOCK_START: join(directory, BOOTED),
        ...(clock ? { LD_PRELOAD: clock } : {}),
      },
    },
  );
  closeSync(log);
  return child;
}

/** Waits for the guest's end, at most `timeout` seconds; then it is killed. */
async function ended(child: ChildProcess, timeout: number): Promise<void> {
  const timer = setTimeout(() => {
    process.stderr.write(`record: a guest ran longer than ${timeout} s and is stopped\n`);
    kill(child);
  }, timeout * 1000);
  try {
    await once(child, 'exit');
  } finally {
    clearTimeout(timer);
  }
}

function readResult(directory: string, n: number, name: string): Played {
  try {
    return JSON.parse(readFileSync(join(directory, `result-${n}.json`), 'utf8')) as Played;
  } catch {
    return { name, crash: 'the guest left no result' };
  }
}

function showLogs(directory: string): void {
  for (const name of ['console', 'player.log']) {
    try {
      process.stderr.write(readFileSync(join(directory, name), 'utf8').slice(-20_000));
    } catch {
      // the guest did not come so far
    }
  }
}

function dispose(guest: { child: ChildProcess; directory: string }): void {
  kill(guest.child);
  running.delete(guest);
  rmSync(guest.directory, { recursive: true, force: true });
}

function kill({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it ended this moment
  }
}
