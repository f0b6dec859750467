/** Runs the built `ipvsd` for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The program as users start it. */
export const IPVSD = fileURLToPath(new URL('../../../bin/ipvsd', import.meta.url));

/** How a program ended. */
export interface Ended {
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `ipvsd ARGS` to its end. */
export async function ipvsd(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return start(args, env).ended;
}

/** A started program. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has written to standard error by now. */
  stderr(): string;
}

/** Longest wait for anything, ms: a machine may have much else to do. */
const PATIENCE = 30_000;

/** Starts `ipvsd ARGS`. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, [IPVSD, ...args], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended, stderr: () => stderr };
}

/** A folder of its own, removed by `remove`. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'ipvsd-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Waits until `condition` holds. @throws after 30 seconds, or what `condition` throws. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await sleep(20);
  }
}

/** Starts a daemon without packets at `socket` and waits until it is ready. */
export async function startDaemon(
  socket: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Started> {
  const daemon = start(['run', '--datapath', 'none', '--socket', socket, ...args], env);
  await until(() => {
    if (daemon.child.exitCode !== null) throw new Error(`the daemon ended: ${daemon.stderr()}`);
    return daemon.stderr().includes('ready');
  }, 'daemon ready');
  return daemon;
}

/** Ends a daemon as a service manager would. */
export async function stopDaemon(daemon: Started): Promise<Ended> {
  daemon.child.kill('SIGTERM');
  return daemon.ended;
}
