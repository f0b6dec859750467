/** The shapes of what is said of servers that are being drained. */
import type { DrainEntry } from './command.js';
import { address, port, serviceKey } from './fields.js';
import { described, list, type Named, named, number, object, oneOf, optional, text } from './shape.js';

/** A real server that is being drained, or was, and whose connections are being ended. */
export const drainEntry: Named<DrainEntry> = named(
  'DrainEntry',
  object({
    service: serviceKey,
    dest: object({ address, port }),
    name: optional(text('a name', 1, 64)),
    phase: described(
      oneOf('a phase', ['draining', 'ending']),
      'draining: it waits for its connections; ending: it is gone, and what was left is being ended.',
    ),
    end: oneOf('an end', ['none', 'rst', 'icmp']),
    left: optional(described(number, 'Seconds until the deadline, if there is one.')),
    activeConns: number,
    inactConns: number,
    persistConns: number,
  }),
);

/** All of them. */
export const drainEntries = list(drainEntry);
