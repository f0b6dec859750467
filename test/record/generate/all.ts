/** Every generated scenario. */
import { writeFileSync } from 'node:fs';
import type { Scenario } from '../format.js';

export const SCENARIOS: readonly Scenario[] = [];

/** Writes NAME.json of each to `directory`. */
export function generateAll(directory: string): void {
  for (const scenario of SCENARIOS) {
    writeFileSync(`${directory}/${scenario.name}.json`, `${JSON.stringify(scenario, null, 1)}\n`);
  }
}
