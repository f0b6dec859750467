/** `GET /metrics`. */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { IpvsError } from '../../errors.js';
import { CONTENT_TYPES, exposition, formatFor } from '../metrics/exposition.js';
import { takeSnapshot } from '../metrics/snapshot.js';
import type { ApiOptions } from './api.js';

const text = {
  'text/plain': { schema: { type: 'string' } },
  'application/openmetrics-text': { schema: { type: 'string' } },
};

/** How it is described. */
export const metricsSchema: FastifySchema = {
  summary: 'Metrics of all namespaces, for Prometheus: OpenMetrics when Accept asks for it',
  tags: ['metrics'],
  querystring: {
    type: 'object',
    properties: {
      backends: { type: 'string', enum: ['0', '1'], description: '0 leaves out those of each real server.' },
    },
  },
  response: { 200: { description: 'Metrics', content: text } },
};

/** Answers with the metrics of every namespace that is served. */
export async function answerMetrics({ director }: ApiOptions, request: FastifyRequest, reply: FastifyReply) {
  const { backends } = request.query as { backends?: string };
  const snapshots = [];
  for (const netns of await namespaces(director(undefined)))
    snapshots.push(await takeSnapshot(director(netns), netns ?? ''));
  const format = formatFor(request.headers.accept);
  const pieces = exposition(snapshots, format, backends !== '0');
  return reply.type(CONTENT_TYPES[format]).send(Readable.from(pieces, { objectMode: false }));
}

/** Names of the namespaces that are served; undefined is the daemon's own. */
async function namespaces(director: ReturnType<ApiOptions['director']>): Promise<(string | undefined)[]> {
  try {
    return (await director.execute('netns.list', {})).map(({ name }) => name);
  } catch (error) {
    // a director that is no daemon's has one
    if (error instanceof IpvsError && error.code === 'NOT_SUPPORTED') return [undefined];
    throw error;
  }
}
