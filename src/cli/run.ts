/** `ipvsd run`: the daemon. */
import { dirname } from 'node:path';
import { withField } from '../control/command-error.js';
import { type DaemonSettings, daemonSettings, settingsOf } from '../daemon/config/config.js';
import { readText } from '../daemon/config/config-file.js';
import { ConfigReader } from '../daemon/config/reader.js';
import { runDaemon } from '../daemon/daemon.js';
import { createLogger } from '../daemon/logger.js';
import { IpvsError } from '../errors.js';
import { onHangup } from './signals.js';
import { UsageError } from './usage-error.js';

/** The flags as they were given. */
export interface RunFlags {
  readonly config?: string;
  /** Texts, and lists of texts where a flag may be repeated. */
  readonly [name: string]: string | readonly string[] | true | undefined;
}

/**
 * Runs the daemon until `stop`. Flags go before the file given with `--config`.
 * @throws UsageError naming the flag, and what {@link runDaemon} throws.
 */
export async function run({ config: path, ...words }: RunFlags, stop: AbortSignal): Promise<void> {
  const flags = readFlags(words);
  const reader = new ConfigReader();
  const settings = { ...(path !== undefined && (await readSettings(path, reader))), ...flags };
  const log = createLogger(settings.logLevel ?? 'info', settings.logFormat ?? 'text');
  const file = path !== undefined && { path, reader };
  const again = await runDaemon({ settings, flags, onReload: onHangup, ...(file && { file }) }, log, stop);
  if (!again) return;
  const { runAgain } = await import('./again.js');
  runAgain();
}

async function readSettings(path: string, reader: ConfigReader): Promise<DaemonSettings> {
  return settingsOf(await reader.read(readText(path), path), dirname(path));
}

/** Flags whose values are numbers. */
const NUMERIC = new Set(['busyPoll', 'connTabBits', 'connLimit', 'rulePriority', 'table']);
/** Flags whose values are lists, with commas. */
const LISTS = new Set(['interfaces']);

function readFlags(flags: Omit<RunFlags, 'config'>): DaemonSettings {
  const values = Object.entries(flags).map(([name, value]) => [
    name,
    NUMERIC.has(name) ? numeric(value) : LISTS.has(name) ? listed(value) : value,
  ]);
  try {
    return daemonSettings.read(Object.fromEntries(values), '');
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    throw new UsageError(withField(error, flagOf(error.field ?? '')).message);
  }
}

/** A number where there is one; what is none is left for the check to refuse. */
function numeric(value: RunFlags[string]): unknown {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
}

/** The items between commas. */
function listed(value: RunFlags[string]): unknown {
  return typeof value === 'string' ? value.split(',') : value;
}

/** `connTabBits` is `--conn-tab-bits`; which one of several it was, the value shows. */
function flagOf(field: string): string {
  return `--${field.replace(/\[.*/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
