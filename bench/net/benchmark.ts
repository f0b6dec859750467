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
  /** Median of the rounds' ratios to the way that all are compared with, in the same round. */
  readonly ratio: number;
  /** `measured` is what is to reach it: the value, or the median of the rounds' ratios. */
  readonly target?: Target & { readonly measured: number };
}

/** What a figure should reach. */
export interface Target {
  /** At least, unless `atMost`. */
  readonly value: number;
  readonly atMost?: boolean;
  /** The way that it is a part of; left out, it is in the figure's unit. */
  readonly of?: string;
}

/** What a benchmark has found, with what it is about. */
export interface Section {
  readonly title: string;
  readonly figures: readonly NetFigure[];
  /** The way that all are compared with; as a heading. */
  readonly reference: string;
}

/** A benchmark in the laboratory. @returns figures, by way. */
export type NetBenchmark = (lab: Lab, run: Run) => Promise<NetFigure[]>;
