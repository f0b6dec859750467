/** A program as the assembler finishes it: instructions, what each of them is, and the maps that are still to be put in. */
import { IpvsError } from '../errors.js';
import { INSTRUCTION } from './isa.js';

/** Where an instruction comes from. */
export interface Source {
  /** The last label before it; empty at the start. */
  readonly section: string;
  /** The instruction with the names of its registers and fields. */
  readonly text: string;
}

/** A program without its maps. */
export interface Program {
  /** At most 15 letters, digits and `_`: what the kernel lists it as. */
  readonly name: string;
  readonly instructions: Uint8Array;
  /** One for each instruction; two for a 64-bit number, which takes two. */
  readonly sources: readonly Source[];
  /** Instructions whose number is to be the descriptor of a map. */
  readonly maps: readonly { readonly index: number; readonly map: string }[];
}

/** The instructions with the maps' descriptors in them. @throws SYSTEM when a map is missing. */
export function relocate(program: Program, descriptors: Readonly<Record<string, number>>): Uint8Array {
  const instructions = program.instructions.slice();
  const view = new DataView(instructions.buffer);
  for (const { index, map } of program.maps) {
    const descriptor = descriptors[map];
    if (descriptor === undefined) throw new IpvsError('SYSTEM', `program ${program.name}: no map ${map}`);
    view.setInt32(index * INSTRUCTION + 4, descriptor, true);
  }
  return instructions;
}
