/** Checks that ask nobody: what becomes of clients' connections says how a server is. */
import type { PassiveCheck } from '../control/check-spec.js';
import type { ProberClock, Report } from './prober.js';

/** What became of the TCP connections to a server, as far as it was seen; both only grow. */
export interface Answers {
  /** Connections that have become established. */
  readonly answered: number;
  /** Connections that were refused by RST, and SYNs that had to be repeated. */
  readonly unanswered: number;
}

/**
 * Looks at a server again and again. It is down when `fall` connections in a row were not answered, and up again after `hold`: without weight
 * it gets none that could tell.
 * @param read undefined while the server is not there. @returns a function that ends it
 */
export function startPassive(
  { interval, fall, hold }: PassiveCheck,
  read: () => Promise<Answers | undefined>,
  report: (report: Report) => void,
  clock: ProberClock,
): () => void {
  let before: Answers | undefined;
  let unanswered = 0;
  let first = true;
  let stopped = false;
  let cancel = clock.after(0, () => void look());

  const tell = (reason?: string): void => {
    report({ up: reason === undefined, first, took: 0, ...(reason !== undefined && { reason }) });
    first = false;
  };
  const look = async (): Promise<void> => {
    // a data path that has ended has nothing to tell
    const now = await read().catch(() => undefined);
    if (stopped) return;
    const good = (now?.answered ?? 0) - (before?.answered ?? now?.answered ?? 0);
    const bad = (now?.unanswered ?? 0) - (before?.unanswered ?? now?.unanswered ?? 0);
    before = now;
    unanswered = good === 0 && bad >= 0 ? unanswered + bad : 0;
    const down = unanswered >= fall;
    tell(down ? `${unanswered} connections of clients were not answered` : undefined);
    if (down) unanswered = 0;
    cancel = clock.after(down ? hold : interval, () => void look());
  };
  return () => {
    stopped = true;
    cancel();
  };
}
