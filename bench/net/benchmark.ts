/** What a network benchmark is, and what it finds. */
import type { Lab } from './lab.js';

/** How thoroughly to measure. */
export interface Effort {
  /** Rounds of which the median is taken. */
  readonly rounds: number;
  /** Shorter measurements: whether it works, not how fast. */
  readonly quick: boolean;
}

/** An effort that can be given up. */
export interface Run extends Effort {
  readonly signal: AbortSignal;
}

/** One number of one way. */
export interface NetFigure {
  /** The way, e.g. `ipvsd NAT`. */
  readonly path: string;
  /** What is measured, e.g. `p99`; empty when there is but one. */
  readonly metric: string;
  readonly unit: string;
  /** Median of the rounds, and their extremes. */
  readonly value: number;
  readonly least: number;
  readonly most: number;
  /** Median of the rounds' ratios to direct routing in the same round. */
  readonly ratio: number;
  readonly target?: Target;
}

/** What a figure should reach: `value` at least, in its unit or as a ratio to direct routing. */
export interface Target {
  readonly value: number;
  readonly of: 'unit' | 'direct';
}

/** A benchmark in the laboratory. @returns figures, by way. */
export type NetBenchmark = (lab: Lab, run: Run) => Promise<NetFigure[]>;
