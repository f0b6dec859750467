/** `ipvsd run`: the daemon. */
import { withField } from '../control/command-error.js';
import { type Config, readConfig, readConfigFile } from '../daemon/config.js';
import { runDaemon } from '../daemon/daemon.js';
import { createLogger } from '../daemon/logger.js';
import { IpvsError } from '../errors.js';
import { UsageError } from './usage-error.js';

/** The flags as they were given; texts where the command line has texts. */
export type RunFlags = Readonly<Record<string, string | undefined>>;

/**
 * Runs the daemon until `stop`. Flags go before the file given with `--config`.
 * @throws UsageError naming the flag, and what {@link runDaemon} throws.
 */
export async function run({ config: file, ...flags }: RunFlags, stop: AbortSignal): Promise<void> {
  const config: Config = { ...(file === undefined ? {} : readConfigFile(file)), ...readFlags(flags) };
  const log = createLogger(config.logLevel ?? 'info', config.logFormat ?? 'text');
  await runDaemon(config, log, stop);
}

/** Flags whose values are numbers. */
const NUMERIC = new Set(['connTabBits', 'connLimit', 'rulePriority', 'table']);

function readFlags(flags: RunFlags): Config {
  const values = Object.entries(flags).map(([name, value]) => [
    name,
    NUMERIC.has(name) ? numeric(value) : value,
  ]);
  try {
    return readConfig(Object.fromEntries(values));
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    throw new UsageError(withField(error, flagOf(error.field ?? '')).message);
  }
}

/** A number where there is one; what is none is left for the check to refuse. */
function numeric(value: string | undefined): unknown {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : value;
}

/** `connTabBits` is `--conn-tab-bits`. */
function flagOf(field: string): string {
  return `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
