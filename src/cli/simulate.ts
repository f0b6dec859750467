/** `ipvsd simulate`: plays scenarios against the engine, in virtual time. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseScenario, type Scenario } from '../datapath/scenario/format.js';
import { play } from '../datapath/scenario/player.js';
import { showScenario } from '../datapath/scenario/show.js';
import { IpvsError } from '../errors.js';
import { EXIT } from './exit-code.js';
import { simulatedDirector } from './simulated-director.js';

/** Options of the command. */
export interface SimulateOptions {
  /** Folder for NAME.result.json; the standard output when left out. */
  readonly out?: string;
  /** A readable account instead of JSON on the standard output. */
  readonly show?: boolean;
  /** `debug_level` from the start, 0..12: what it shows is part of the account. */
  readonly debugLevel?: number;
  /** Seed of the random numbers, an unsigned 32-bit integer. */
  readonly seed?: number;
}

/**
 * Plays the scenarios in `files`.
 * @returns the exit code: 1 when a file was no scenario; what a scenario's own commands end in is part of its result.
 */
export async function simulate(files: string[], options: SimulateOptions): Promise<number> {
  let code: number = EXIT.ok;
  if (options.out !== undefined) mkdirSync(options.out, { recursive: true });
  for (const file of files) {
    try {
      await simulateFile(file, options);
    } catch (error) {
      const readable =
        error instanceof IpvsError || error instanceof SyntaxError || 'code' in (error as object);
      if (!readable) throw error;
      process.stderr.write(`ipvsd simulate: ${file}: ${(error as Error).message}\n`);
      code = EXIT.failure;
    }
  }
  return code;
}

async function simulateFile(
  file: string,
  { out, show, seed = 1, debugLevel = 0 }: SimulateOptions,
): Promise<void> {
  const scenario = readScenario(file);
  const { debug, ...outcome } = await play(scenario, (host) => {
    const director = simulatedDirector(host, seed);
    director.tools.setSysctl('debug_level', String(debugLevel));
    return director;
  });
  if (show) process.stdout.write(showScenario(scenario, { ...outcome, ...(debug && { debug }) }));
  const json = `${JSON.stringify(outcome, null, 1)}\n`;
  if (out !== undefined) writeFileSync(join(out, `${scenarioName(file)}.result.json`), json);
  else if (!show) process.stdout.write(json);
}

/** Reads a scenario file. @throws IpvsError, SyntaxError, or what the file system says. */
export function readScenario(file: string): Scenario {
  return parseScenario(JSON.parse(readFileSync(file, 'utf8')), scenarioName(file));
}

const scenarioName = (file: string): string => basename(file).replace(/\.json$/, '');
