/** `ipvsd events`: what happens, as it happens. */
import type { ClientDirector } from '../control/client.js';
import type { DirectorEvent } from '../control/events.js';
import { linesOf } from './lines.js';

/** Flags of the command line, as they were given. */
export interface EventsFlags {
  readonly kinds?: string;
  readonly netns?: string;
}

/** Prints events, a JSON object a line, until `stop` or the daemon's end. */
export async function events(
  director: ClientDirector,
  { kinds, netns }: EventsFlags,
  print: (line: string) => void,
  stop: AbortSignal,
): Promise<void> {
  for await (const line of linesOf(director.get(eventsPath({ kinds, netns }), stop))) print(line);
}

/** Events, read. */
export async function* readEvents(
  director: ClientDirector,
  query: Readonly<Record<string, string | undefined>>,
  stop: AbortSignal,
): AsyncGenerator<DirectorEvent> {
  for await (const line of linesOf(director.get(eventsPath(query), stop)))
    yield JSON.parse(line) as DirectorEvent;
}

function eventsPath(query: object): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return given.length === 0 ? '/v1/events' : `/v1/events?${new URLSearchParams(given)}`;
}
