/** The maps of one fast path, and the programs over them. */
import type { Program } from '../../ebpf/program.js';
import { relocate } from '../../ebpf/program.js';
import { MAPS, REPORTS } from '../../ebpf/programs/flow-maps.js';
import { BPF_F_NO_PREALLOC, BpfMap } from '../../linux/bpf-map.js';
import { BpfProgram, type ProgramType } from '../../linux/bpf-program.js';
import { RingBuffer, ringOptions } from '../../linux/bpf-ring-buffer.js';
import type { Pins } from './pins.js';

/** The maps by their names in programs. */
export type FastMaps = { readonly [K in keyof typeof MAPS]: BpfMap } & { readonly reports: RingBuffer };

/** How much they hold. */
export interface FastCapacity {
  /** Flows of each family: two for a NAT connection, one for another. */
  readonly flows: number;
  /** Ways: one for each real server, and one for each next hop of answers. */
  readonly ways: number;
}

/** Interfaces with larger numbers have no XDP. */
const LINKS = 4096;

/**
 * Makes the maps.
 * @param pins where they are to outlive this process, and those of the last one are taken over if they are there.
 * @throws SYSTEM, with EPERM where BPF is not allowed.
 */
export function openMaps({ flows, ways }: FastCapacity, pins?: Pins): FastMaps {
  const entries = { flows4: flows, flows6: flows, ways, counters: 2 * ways, links: LINKS, lease: 1 };
  const wanted = Object.entries(MAPS).map(([name, options]) => {
    const flags = options.type === 'hash' ? BPF_F_NO_PREALLOC : 0;
    return [name, { ...options, maxEntries: entries[name as keyof typeof MAPS], flags }] as const;
  });
  pins?.prepare([...wanted.map(([, options]) => options), ringOptions(REPORTS)]);
  const open: Pins['map'] = (name, make) => pins?.map(name, make) ?? make();
  const opened: { close(): void }[] = [];
  try {
    const maps = wanted.map(([name, options]) => {
      const map = open(options.name, (fd) => new BpfMap(options, fd));
      opened.push(map);
      return [name, map] as const;
    });
    const reports = open(REPORTS.name, (fd) => new RingBuffer(REPORTS, fd));
    return { ...Object.fromEntries(maps), reports } as unknown as FastMaps;
  } catch (error) {
    for (const map of opened) map.close();
    throw error;
  }
}

/** Loads a program over the maps. @param more descriptors of others. @throws VerifierError, SYSTEM */
export function loadProgram(
  type: ProgramType,
  program: Program,
  maps: FastMaps,
  more: Readonly<Record<string, number>> = {},
): BpfProgram {
  const own = Object.fromEntries(Object.entries(maps).map(([name, { fd }]) => [name, fd]));
  const descriptors = { ...own, ...more };
  return new BpfProgram(type, { ...program, instructions: relocate(program, descriptors) });
}
