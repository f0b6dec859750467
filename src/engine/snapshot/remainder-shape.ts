/** Whether data is a {@link Remainder}: it may have been written by another program, and what has been restored of half of one is nobody's state. */
import { CtSide } from '../ct-side.js';
import { ConnSeq, SeqAdj } from '../seq.js';
import { Stats } from '../stats.js';
import type { Remainder } from './remainder.js';

/** An example: what is like it has all its fields, of the same types. Lists have one kind of entries, numbers are finite. */
type Example = unknown;

/** A field that may be left out. */
class Maybe {
  readonly example: Example;
  constructor(example: Example) {
    this.example = example;
  }
}

/** A field that may be anything, and left out. */
const ANYTHING = new Maybe(undefined);

const ADDRESS = { family: 0, words: [0] };
const ID = { family: 0, protocol: 0, addr: ADDRESS, port: 0, fwmark: 0 };
const SEQ = { ...new ConnSeq() };
const SIDE = { ...new CtSide(), maxAck: new Maybe(0) };
const TRACK = {
  state: 0,
  expires: 0,
  hz: 0,
  sides: [SIDE],
  seenReply: false,
  assured: false,
  closing: false,
  simultaneous: false,
  lastKind: 0,
  lastReply: false,
  lastSeq: 0,
  lastAck: 0,
  lastEnd: 0,
  lastWin: 0,
  retrans: 0,
  passed: SIDE,
  expectsChallenge: false,
};

const REMAINDER = {
  hz: 0,
  jiffies: 0,
  total: new Stats(),
  services: [{ id: ID, stats: new Stats() }],
  dests: [
    {
      index: 0,
      id: ID,
      addr: ADDRESS,
      port: 0,
      stats: new Stats(),
      lastWeight: 0,
      overload: false,
      orphan: false,
      connFlags: 0,
      tunType: 0,
      tunPort: 0,
      tunFlags: 0,
      uThreshold: 0,
      lThreshold: 0,
      ending: '',
      asked: new Maybe(false),
      carried: new Maybe([0]),
    },
  ],
  pe: [{ c: 0, name: '', data: '' }],
  apps: [{ c: 0, inSeq: SEQ, outSeq: SEQ, data: ANYTHING }],
  seqs: [{ c: 0, inSeq: SEQ, outSeq: SEQ }],
  tracks: [
    {
      track: TRACK,
      tuples: [{ family: 0, src: [0], dst: [0], ports: 0 }],
      seqadj: new Maybe([{ ...new SeqAdj() }]),
    },
  ],
};

/** True for what `remainderOf` gives, as JSON has it. */
export function isRemainder(value: unknown): value is Remainder {
  return (
    isLike(value, REMAINDER) &&
    (value as Remainder).tracks.every(({ track, tuples, seqadj }) => {
      const { sides } = track as unknown as { readonly sides: readonly unknown[] };
      return tuples.length === 2 && sides.length === 2 && (seqadj === null || seqadj.length === 2);
    })
  );
}

function isLike(value: unknown, example: Example): boolean {
  if (example instanceof Maybe)
    return value === undefined || value === null || example === ANYTHING || isLike(value, example.example);
  if (typeof example === 'number') return Number.isFinite(value);
  if (typeof example !== 'object' || example === null) return typeof value === typeof example;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(example))
    return Array.isArray(value) && value.every((entry) => isLike(entry, example[0]));
  for (const name in example)
    if (!isLike((value as Record<string, unknown>)[name], example[name as keyof typeof example]))
      return false;
  return true;
}
