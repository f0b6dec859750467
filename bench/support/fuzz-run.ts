/** A run of the fuzzer over parsers and engine. */

import { Packet } from '../../src/wire/packet.js';
import { hex } from '../../test/support/bytes.js';
import { EngineFuzzer } from './fuzz-engine.js';
import { fuzzSeeds } from './fuzz-seeds.js';
import { WireFuzzer } from './fuzz-wire.js';
import { Mutator } from './mutator.js';
import { Random } from './random.js';

/** What a run did. */
export interface FuzzReport {
  readonly inputs: number;
  /** Packets that the engine sent on, and ICMP errors that it asked for: the inputs reach deep enough. */
  readonly transmitted: number;
  readonly icmpErrors: number;
  readonly connections: number;
}

/** An input that did what none may do. The message tells how to run it again. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

/**
 * Gives `count` inputs to the parsers and to the engine.
 * @param seed runs with the same seed are the same.
 * @throws FuzzFailure at the first one that makes anything throw.
 */
export function fuzz(count: number, seed: number): FuzzReport {
  const random = new Random(seed);
  const wire = new WireFuzzer(random);
  const engine = new EngineFuzzer(random);
  const mutator = new Mutator(fuzzSeeds(), random);
  const p = new Packet(4096);
  let what = '';
  let input = 0;
  try {
    for (; input < count; input++) {
      what = 'wire';
      mutator.fill(p);
      wire.run(p);
      what = 'engine';
      mutator.fill(p);
      engine.run(p);
    }
    what = 'end of the run';
    engine.finish();
  } catch (error) {
    const packet = `packet afterwards: ${hex(p.payload())}`;
    throw new FuzzFailure(`${what}: input ${input} of seed ${seed}: ${error}\n${packet}`, { cause: error });
  }
  const { transmitted, icmpErrors } = engine.host;
  return { inputs: 2 * count, transmitted, icmpErrors, connections: engine.net.ipvs.totStats.conns };
}
