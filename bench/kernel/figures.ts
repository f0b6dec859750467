/** From what the guest counted to figures: the instructions that a way adds to making a packet and dropping it at the director. */
import type { NetFigure, Section, Target } from '../net/benchmark.js';
import { median } from '../net/statistics.js';
import { FAMILIES, type Family, type Way } from './inside/layout.js';
import type { GuestResult, Sample } from './inside/task.js';

const NAMES = {
  base: '',
  route: 'routing',
  nft: 'nftables DNAT',
  ipvs: 'kernel IPVS',
  tc: 'ipvsd tc',
  xdp: 'ipvsd XDP',
};
const REFERENCE = 'kernel IPVS NAT';
const DIRECTIONS = { request: 'client to server', reply: 'server to client' } as const;

const atMost = (value: number): Target => ({ value, of: REFERENCE, atMost: true });
/** Of kernel IPVS NAT, by name of the way. */
const CARRYING: Readonly<Record<string, Target>> = {
  'ipvsd tc NAT': atMost(0.5),
  'ipvsd XDP NAT': atMost(0.22),
};
const OPENING: Readonly<Record<string, Target>> = { 'ipvsd NAT': atMost(2.5) };

/** @throws when packets were lost, or the slow path saw some that are to be carried: the numbers would not be what they say. */
export function sections({ samples }: GuestResult): Section[] {
  for (const { lost, slow, opening, ...way } of samples) {
    if (lost + slow > 0)
      throw new Error(`${JSON.stringify(way)}: ${lost} packets lost, ${slow} by the slow path`);
  }
  const carried = samples.filter(({ opening }) => !opening);
  const opened = samples.filter(({ opening }) => opening);
  return [
    {
      title: 'Instructions for a packet of a connection, over making and dropping it',
      reference: REFERENCE,
      figures: FAMILIES.flatMap((family) =>
        (['request', 'reply'] as const).flatMap((direction) =>
          block(
            carried.filter((sample) => sample.family === family && sample.direction === direction),
            baseOf(carried, family, direction),
            `IPv${family}, ${DIRECTIONS[direction]}`,
            nameOf,
            CARRYING,
          ),
        ),
      ),
    },
    {
      title: 'Instructions for a datagram that opens a connection, over making and dropping it',
      reference: REFERENCE,
      figures: FAMILIES.flatMap((family) =>
        block(
          opened.filter((sample) => sample.family === family),
          baseOf(carried, family, 'request'),
          `IPv${family}`,
          engineName,
          OPENING,
        ),
      ),
    },
    {
      title: 'Memory for a connection of the kernel',
      reference: REFERENCE,
      figures: FAMILIES.flatMap((family) => memory(opened.filter((sample) => sample.family === family))),
    },
  ];
}

/** Bytes of slabs, by the way that opened the connections. */
function memory(samples: readonly Sample[]): NetFigure[] {
  const reference = samples.find((sample) => nameOf(sample) === REFERENCE)?.memory ?? Number.NaN;
  return samples.flatMap((sample) => {
    const { memory: value, family } = sample;
    if (value === undefined) return [];
    const ratio = value / reference;
    return [
      {
        path: nameOf(sample),
        metric: `IPv${family}`,
        unit: 'bytes',
        value,
        least: value,
        most: value,
        ratio,
      },
    ];
  });
}

function block(
  samples: readonly Sample[],
  base: number,
  metric: string,
  name: (way: Way) => string,
  targets: Readonly<Record<string, Target>>,
): NetFigure[] {
  const shown = samples.filter(({ director }) => director !== 'base');
  const reference = shown.find((sample) => nameOf(sample) === REFERENCE);
  const own = (sample: Sample): number => median(sample.instructions) - base;
  return shown.map((sample) => {
    const target = targets[name(sample)];
    const ratio = own(sample) / own(reference!);
    return {
      path: name(sample),
      metric,
      unit: 'instructions',
      value: own(sample),
      least: Math.min(...sample.instructions) - base,
      most: Math.max(...sample.instructions) - base,
      ratio,
      ...(target !== undefined && { target: { ...target, measured: ratio } }),
    };
  });
}

function baseOf(samples: readonly Sample[], family: Family, direction: Way['direction']): number {
  const base = samples.find(
    (sample) => sample.director === 'base' && sample.family === family && sample.direction === direction,
  );
  return median(base!.instructions);
}

function nameOf({ director, method }: Way): string {
  return method === undefined ? NAMES[director] : `${NAMES[director]} ${method}`;
}

/** It is the engine that opens connections, whatever carries them on. */
function engineName(way: Way): string {
  return nameOf(way).replace(' tc', '');
}
