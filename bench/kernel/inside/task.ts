/** What the host asks of the guest, and what it is told. */
import type { Director, Way } from './layout.js';

/** What to measure. */
export interface GuestTask {
  readonly directors: readonly Director[];
  readonly ways: readonly Way[];
  /** Ways of which every packet of a burst opens a flow. */
  readonly opening: readonly Way[];
  readonly repetitions: number;
  /** Packets of a burst, of established flows. */
  readonly packets: number;
  /** Flows that are opened in a burst. */
  readonly fresh: number;
}

/** Instructions for each packet, by repetition. */
export interface Sample extends Way {
  readonly opening: boolean;
  readonly instructions: number[];
  /** Packets that did not arrive. */
  lost: number;
  /** Packets that user space saw of those of bursts that opened nothing. */
  slow: number;
  /** Bytes of slabs that each connection has added; of those that the kernel opens. */
  readonly memory?: number;
}

/** What was found. */
export interface GuestResult {
  readonly kernel: string;
  readonly samples: readonly Sample[];
}
