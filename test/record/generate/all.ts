/** Every generated scenario. */
import { writeFileSync } from 'node:fs';
import type { ScenarioFile } from '../format.js';
import { FORWARD } from './forward.js';
import { FRAGMENTS } from './fragments.js';
import { FTP_TRACKING } from './ftp-tracking.js';
import { ICMP_SCENARIOS } from './icmp.js';
import { MALFORMED } from './malformed.js';
import { PERSISTENCE } from './persistence.js';
import { POLICY } from './policy.js';
import { REROUTE } from './reroute.js';
import { SCHEDULERS } from './schedulers.js';
import { SYNC_BACKUP } from './sync-backup.js';
import { SYNC_MALFORMED } from './sync-malformed.js';
import { SYNC_MASTER } from './sync-master.js';
import { TCP_STATES } from './tcp-states.js';
import { TEXTS } from './texts.js';
import { UDP_SCENARIOS } from './udp.js';

export const SCENARIOS: readonly ScenarioFile[] = [
  ...TCP_STATES,
  ...UDP_SCENARIOS,
  ...FORWARD,
  ...FRAGMENTS,
  ...ICMP_SCENARIOS,
  ...SCHEDULERS,
  ...POLICY,
  ...REROUTE,
  ...PERSISTENCE,
  ...FTP_TRACKING,
  ...TEXTS,
  ...SYNC_MASTER,
  ...SYNC_BACKUP,
  ...SYNC_MALFORMED,
  ...MALFORMED,
];

/** What a scenario's file holds. */
export function scenarioText(scenario: ScenarioFile): string {
  return `${JSON.stringify(scenario, null, 1)}\n`;
}

/** Writes NAME.json of each to `directory`. */
export function generateAll(directory: string): void {
  for (const scenario of SCENARIOS)
    writeFileSync(`${directory}/${scenario.name}.json`, scenarioText(scenario));
}
