/** What happens in a director, as plain data: one object an event. */
import type { Explanation } from '../engine/explain/explanation.js';
import type { ConnEntry, DestKey, ServiceKey } from './command.js';
import type { ConnFilterArgs } from './conn-filter.js';

/** Kinds of events that one can ask for. */
export const EVENT_KINDS = ['connections', 'configuration', 'health', 'packets'] as const;

export type EventKind = (typeof EVENT_KINDS)[number];

/** Those that are told when nothing is said. */
export const USUAL_KINDS: readonly EventKind[] = ['connections', 'configuration', 'health'];

/** Commands whose success is an event of the kind `configuration`, named as the command. */
export const CHANGES = [
  'service.add',
  'service.edit',
  'service.delete',
  'dest.add',
  'dest.edit',
  'dest.delete',
  'dest.drain',
  'dest.undrain',
  'flush',
  'zero',
  'timeout.set',
  'daemon.start',
  'daemon.stop',
  'sysctl.set',
  'health.set',
  'health.delete',
  'netns.add',
  'netns.remove',
] as const;
export type ChangeName = (typeof CHANGES)[number];

/** An event without where and when. */
export type EventBody =
  | { event: 'connection.made' | 'connection.ended'; connection: ConnEntry }
  /** A server that was drained is gone: nothing was left to wait for (`idle`), or no time. */
  | {
      event: 'dest.drained';
      service: ServiceKey;
      dest: DestKey;
      reason: 'idle' | 'deadline';
      /** Connections that it had. */
      connections: number;
    }
  /** What the command said. */
  | { event: ChangeName; service?: ServiceKey; dest?: DestKey; [field: string]: unknown }
  /** The health of a real server, or of a whole service, has changed. */
  | { event: 'server.up' | 'server.down'; service: ServiceKey; dest: DestKey; reason?: string }
  | { event: 'quorum.reached' | 'quorum.lost'; service: ServiceKey }
  | { event: 'packet'; explanation: Explanation; bytes: string }
  /** So many events could not be kept for whoever listens, here. */
  | { event: 'lost'; count: number };

/** An event. */
export type DirectorEvent = {
  /** ISO 8601, UTC, milliseconds. */
  time: string;
  /** Absent for the daemon's own namespace. */
  netns?: string;
} & EventBody;

/** Which packets are told of: all that are given have to fit. */
export type PacketFilterArgs = Pick<ConnFilterArgs, 'protocol'> & {
  /** Source or destination: address, prefix, or either with a port. */
  address?: string;
};

/** What somebody wants to hear. */
export interface Interest {
  readonly kinds: readonly EventKind[];
  /** Only of this namespace; of all when absent. */
  readonly netns?: string;
  /** For the kind `packets`. */
  readonly packets: PacketFilterArgs;
}

/** Gives events from now on, until `stop` is aborted. */
export type EventSource = (interest: Interest, stop: AbortSignal) => AsyncIterable<DirectorEvent>;
