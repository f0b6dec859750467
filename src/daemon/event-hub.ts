/** Where events come together, and go to whoever listens. */
import type { CommandName } from '../control/command.js';
import {
  CHANGES,
  type DirectorEvent,
  type EventBody,
  type EventKind,
  type EventSource,
  type Interest,
} from '../control/events.js';
import { EventQueue } from './event-queue.js';
import type { Seen, Watch } from './watcher.js';

interface Listener {
  readonly id: number;
  readonly interest: Interest;
  readonly queue: EventQueue;
}

/** A data path that can be watched. */
export interface Watched {
  /** Watches for this from now on; `seen` is told. */
  watch?(what: Watch, seen: (events: readonly Seen[]) => void): void;
}

const CHANGE_NAMES: ReadonlySet<string> = new Set(CHANGES);

/** One for a daemon. */
export class EventHub {
  readonly #listeners = new Set<Listener>();
  readonly #watched = new Map<string | undefined, Watched>();
  #nextId = 1;

  /** Listens: see {@link EventSource}. */
  readonly listen: EventSource = (interest, stop) => this.#listen(interest, stop);

  /** A namespace is served from now on. */
  add(netns: string | undefined, datapath: Watched): void {
    this.#watched.set(netns, datapath);
    if (this.#listeners.size > 0) this.#watch();
  }

  /** It is no longer. */
  remove(netns: string | undefined): void {
    this.#watched.delete(netns);
  }

  /** A command was carried out. */
  done(netns: string | undefined, name: CommandName, args: unknown): void {
    if (this.#listeners.size === 0 || !CHANGE_NAMES.has(name)) return;
    const body = { event: name, ...(args as object) } as EventBody;
    this.#tell(netns, 'configuration', body, Date.now());
  }

  async *#listen(interest: Interest, stop: AbortSignal): AsyncGenerator<DirectorEvent> {
    const listener = { id: this.#nextId++, interest, queue: new EventQueue(stop) };
    this.#listeners.add(listener);
    this.#watch();
    try {
      yield* listener.queue;
    } finally {
      this.#listeners.delete(listener);
      this.#watch();
    }
  }

  /** Lets the engines be watched for what somebody wants, and no more. */
  #watch(): void {
    for (const [netns, datapath] of this.#watched) {
      const ours = [...this.#listeners].filter(({ interest }) => concerns(interest, netns));
      const what = {
        connections: ours.some(({ interest }) => interest.kinds.includes('connections')),
        packets: ours
          .filter(({ interest }) => interest.kinds.includes('packets'))
          .map(({ id, interest }) => ({ id, filter: interest.packets })),
      };
      const drains = ours.some(({ interest }) => interest.kinds.includes('configuration'));
      datapath.watch?.({ ...what, ...(drains && { drains }) }, (events) => {
        for (const seen of events) this.#tell(netns, kindOf(seen.body), seen.body, seen.time, seen.ids);
      });
    }
  }

  #tell(
    netns: string | undefined,
    kind: EventKind | 'all',
    body: EventBody,
    time: number,
    ids?: readonly number[],
  ): void {
    const event = { time: new Date(time).toISOString(), ...(netns !== undefined && { netns }), ...body };
    for (const { id, interest, queue } of this.#listeners) {
      if (!concerns(interest, netns) || (ids !== undefined && !ids.includes(id))) continue;
      if (kind === 'all' ? interest.kinds.some((k) => k !== 'configuration') : interest.kinds.includes(kind))
        queue.push(event);
    }
  }
}

function concerns(interest: Interest, netns: string | undefined): boolean {
  return interest.netns === undefined || interest.netns === netns;
}

/** Whose interest a body is. */
function kindOf({ event }: EventBody): EventKind | 'all' {
  if (event === 'packet') return 'packets';
  if (/^(server|quorum)\./.test(event)) return 'health';
  if (event === 'dest.drained') return 'configuration';
  return event === 'lost' ? 'all' : 'connections';
}
