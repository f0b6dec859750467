/** Every generated scenario. */
import { writeFileSync } from 'node:fs';
import type { Scenario } from '../format.js';
import { FORWARD } from './forward.js';
import { FRAGMENTS } from './fragments.js';
import { ICMP_SCENARIOS } from './icmp.js';
import { TCP_STATES } from './tcp-states.js';
import { UDP_SCENARIOS } from './udp.js';

export const SCENARIOS: readonly Scenario[] = [...TCP_STATES, ...UDP_SCENARIOS, ...FORWARD, ...FRAGMENTS, ...ICMP_SCENARIOS];

/** Writes NAME.json of each to `directory`. */
export function generateAll(directory: string): void {
  for (const scenario of SCENARIOS) {
    writeFileSync(`${directory}/${scenario.name}.json`, `${JSON.stringify(scenario, null, 1)}\n`);
  }
}
