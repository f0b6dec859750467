/** `GET /v1/events`: what happens, one JSON object a line, for as long as the client listens. */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { IpvsError } from '../../errors.js';
import { packetFilterFields } from '../conn-filter.js';
import { EVENT_KINDS, type EventKind, type Interest, USUAL_KINDS } from '../events.js';
import { netnsName } from '../fields.js';
import { object, optional, show, text } from '../shape.js';
import type { ApiOptions } from './api.js';

const query = object({
  kinds: optional(text('a list of kinds', 1, 100)),
  netns: optional(netnsName),
  ...packetFilterFields,
});

/** How it is described. */
export const eventsSchema: FastifySchema = {
  summary: `Events as they happen, a JSON object a line. kinds: ${EVENT_KINDS.join(', ')}, with commas; all but the last when left out`,
  tags: ['events'],
  querystring: query.schema,
  response: {
    200: { description: 'Events', content: { 'application/x-ndjson': { schema: { type: 'string' } } } },
  },
};

/** Milliseconds without events after which an empty line is sent: a listener that is gone is noticed so. */
const HEARTBEAT = 15_000;
/** Characters that wait for a slow client, beside the source's queue. */
const BUFFER = 65_536;

/** Answers with events until the connection is closed. */
export async function answerEvents({ events }: ApiOptions, request: FastifyRequest, reply: FastifyReply) {
  if (events === undefined) throw new IpvsError('NOT_SUPPORTED', 'only a daemon tells events');
  const interest = interestOf(request.query);
  const stop = new AbortController();
  let wanted = () => {};
  const stream = new Readable({ highWaterMark: BUFFER, read: () => wanted() });
  reply.raw.on('close', () => stop.abort());
  stop.signal.addEventListener('abort', () => wanted(), { once: true });
  const beat = setInterval(() => stream.push('\n'), HEARTBEAT);
  const feed = async () => {
    // the headers go out at once, so that a client knows that it listens
    stream.push('\n');
    for await (const event of events(interest, stop.signal)) {
      if (stream.push(`${JSON.stringify(event)}\n`)) continue;
      // the client is slow: what happens meanwhile waits in the source's queue
      await new Promise<void>((resolve) => {
        wanted = resolve;
      });
    }
    stream.push(null);
  };
  void feed().finally(() => clearInterval(beat));
  return reply.type('application/x-ndjson').send(stream);
}

function interestOf(given: unknown): Interest {
  const { kinds, netns, ...packets } = query.read(given, '');
  const chosen = kinds?.split(',') ?? USUAL_KINDS;
  const unknown = chosen.find((kind) => !EVENT_KINDS.includes(kind as EventKind));
  if (unknown !== undefined) {
    throw new IpvsError(
      'BAD_REQUEST',
      `${show(unknown)} is not a kind of event (${EVENT_KINDS.join(', ')})`,
      'kinds',
    );
  }
  return { kinds: chosen as EventKind[], packets, ...(netns !== undefined && { netns }) };
}
