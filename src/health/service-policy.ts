/** Which real servers a service is to have, and with which weights, by the health of each. */
import type { DestSpec } from '../control/command.js';
import type { HealthPolicy } from '../control/health-fields.js';

/** What a service does when servers fail. */
export type FailurePolicy = Omit<HealthPolicy, 'checks'>;

/** A server, and how it is. */
export interface ServerHealth {
  readonly dest: DestSpec;
  readonly up: boolean;
  /** When it came back, ms; absent when it has not been away. */
  readonly backSince?: number;
  /** Share of its weight that it asks for, percent. */
  readonly percent?: number;
}

/** What a service is to be. */
export interface Desired {
  readonly dests: readonly DestSpec[];
  /** Whether the quorum is reached. */
  readonly quorum: boolean;
  /** When a weight grows next by itself, ms; absent when none does. */
  readonly growsAt?: number;
}

/** How often a growing weight is looked at, ms. */
const GROWTH = 1000;

/**
 * @param hadQuorum as it was before: hysteresis makes a difference of it.
 * @param now on the same clock as {@link ServerHealth.backSince}.
 */
export function desiredDests(
  policy: FailurePolicy,
  servers: readonly ServerHealth[],
  hadQuorum: boolean,
  now: number,
): Desired {
  const alive = servers.filter(({ up }) => up).reduce((sum, { dest }) => sum + Math.max(dest.weight, 0), 0);
  const { hysteresis, sorryServer, onFailure } = policy;
  const quorum = hadQuorum
    ? alive > 0 && alive >= policy.quorum - hysteresis
    : alive >= policy.quorum + hysteresis;
  if (!quorum && sorryServer !== undefined) {
    const rest = onFailure === 'remove' ? [] : servers.map(({ dest }) => ({ ...dest, weight: 0 }));
    return { quorum, dests: [...rest, sorryServer] };
  }
  const kept = servers.filter(({ up }) => up || onFailure === 'quiesce');
  const growing = kept.some((server) => server.up && isGrowing(policy, server, now));
  return {
    quorum,
    dests: kept.map((server) => ({ ...server.dest, weight: server.up ? weightOf(policy, server, now) : 0 })),
    ...(growing && { growsAt: now + GROWTH }),
  };
}

function isGrowing({ slowStart }: FailurePolicy, { backSince }: ServerHealth, now: number): boolean {
  return backSince !== undefined && now - backSince < slowStart;
}

/** At least 1 for a server that is to get anything at all. */
function weightOf(policy: FailurePolicy, server: ServerHealth, now: number): number {
  const { dest, percent = 100, backSince } = server;
  const grown = isGrowing(policy, server, now) ? (now - backSince!) / policy.slowStart : 1;
  const weight = Math.round((dest.weight * percent * grown) / 100);
  return dest.weight > 0 && percent > 0 ? Math.max(weight, 1) : weight;
}
