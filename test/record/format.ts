/** What recording adds to the scenarios and outcomes of src/datapath/scenario. docs/recording.md describes it. */
import type { Outcome, Scenario } from '../../src/datapath/scenario/format.js';

/** A scenario with what only a recorder heeds. */
export interface RecordedScenario extends Scenario {
  /** The kernel leaks when it is played: it comes at the end of a batch. */
  last?: boolean;
  /** `net.ipv4.vs.debug_level`, which only the first namespace has. */
  debug_level?: number;
}

/** A scenario as it is written in a file: what is left out is empty. */
export type ScenarioFile = Pick<RecordedScenario, 'name' | 'rules' | 'events'> &
  Partial<RecordedScenario> & { category: string; about: string };

/** A scenario that could not be played to its end; `crash` says why. */
export interface Crash {
  name: string;
  crash: string;
}

/** What came of playing a scenario. */
export type Played = Outcome | Crash;

/** True when the scenario was not played to its end. */
export function isCrash(played: Played): played is Crash {
  return 'crash' in played;
}
