/** What is measured in the guest. */
import { type Director, FAMILIES, METHODS, type Method, type Way } from './inside/layout.js';
import type { GuestTask } from './inside/task.js';

/** Those that are measured; the first is what all pay. */
const MEASURED: readonly Director[] = ['base', 'route', 'nft', 'ipvs', 'tc', 'xdp'];
const BALANCERS: readonly Director[] = ['ipvs', 'tc', 'xdp'];

/** How thoroughly to measure. */
export interface KernelEffort {
  readonly repetitions: number;
  readonly quick: boolean;
}

export function plan({ repetitions, quick }: KernelEffort): GuestTask {
  const ways = FAMILIES.flatMap((family) =>
    (['request', 'reply'] as const).flatMap((direction) =>
      MEASURED.flatMap((director): Way[] => {
        if (!BALANCERS.includes(director)) return [{ director, family, direction }];
        // only NAT sees answers
        const methods: readonly Method[] = direction === 'reply' ? ['NAT'] : METHODS;
        return methods.map((method) => ({ director, method, family, direction }));
      }),
    ),
  );
  // a new flow takes the slow path, whichever the fast one is
  const openers: readonly Director[] = ['nft', 'ipvs', 'tc'];
  const opening = ways.filter(
    ({ director, direction }) => openers.includes(director) && direction === 'request',
  );
  return {
    directors: MEASURED,
    ways,
    opening,
    repetitions,
    packets: quick ? 2000 : 10_000,
    fresh: quick ? 2000 : 8000,
  };
}
