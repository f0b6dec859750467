/** The HTTP API: the commands of a director as resources, one by one, and in batches. */
import swagger from '@fastify/swagger';
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactory,
} from 'fastify';
import { IpvsError } from '../../errors.js';
import { executeBatch } from '../batch.js';
import type { Args, CommandName, CommandRequest, Director } from '../command.js';
import { toCommandError } from '../command-error.js';
import { COMMAND_NAMES, commandName } from '../command-table.js';
import type { EventSource } from '../events.js';
import { netnsName } from '../fields.js';
import { list, object, optional, type Shape, text } from '../shape.js';
import type { Asked } from './authorize.js';
import { answerEvents, eventsSchema } from './events.js';
import { parseJson } from './json.js';
import { answerMetrics, metricsSchema } from './metrics.js';
import { addSchemas, batchSchema, commandSchema, DOCUMENT, healthSchema, routeSchema } from './openapi.js';
import type { Route, RouteInput } from './route.js';
import { asRequestSpells, ROUTES } from './routes.js';
import { HTTP_STATUS } from './status.js';

/** Bytes of one request at most: a batch of some 50,000 rules. */
const BODY_LIMIT = 16 * 1024 * 1024;
/** Bytes of one configuration at most, ten times those of ten thousand services. */
const CONFIG_LIMIT = 64 * 1024 * 1024;
/** Commands in one batch at most. */
const BATCH_MAX = 100_000;

/** What the API stands on. */
export interface ApiOptions {
  /** The director of a network namespace, or of the default one. Its commands reject with NETNS_NOT_SERVED where there is none. */
  readonly director: (netns: string | undefined) => Director;
  /** What happens, for those who listen; absent where nothing is told. */
  readonly events?: EventSource;
  /** True while packets are handled and commands are carried out. */
  readonly ready: () => boolean;
  /** Told of errors that are no `IpvsError`: faults of ours. */
  readonly onFault: (error: unknown) => void;
  /** Throws where a request may not be answered; all are when it is left out. */
  readonly authorize?: (request: Asked) => void;
  /** Makes the server; one of plain HTTP when it is left out. */
  readonly serverFactory?: FastifyServerFactory;
  /** Told of each request when it was answered. */
  readonly onAnswer?: (request: { method: string; url: string; status: number; ms: number }) => void;
}

const anything: Shape<unknown> = { what: 'a value', schema: {}, read: (value) => value };
const batch = list(object({ command: text('a command name', 1, 64), args: optional(anything) }), BATCH_MAX);

/** A server of the API that does not listen yet. */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 256 },
    ...(options.serverFactory !== undefined && { serverFactory: options.serverFactory }),
    frameworkErrors: (error, _request, reply) => void answerError(error, reply, options),
  });
  await app.register(swagger, DOCUMENT);
  addSchemas(app);
  // commands check their arguments themselves, and say more than a schema can
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  acceptJson(app);
  const { onAnswer, authorize } = options;
  // before a body is read: strangers shall not make us
  if (authorize !== undefined) app.addHook('onRequest', async (request) => authorize(request));
  if (onAnswer !== undefined) {
    app.addHook('onResponse', async ({ method, url }, { statusCode, elapsedTime }) =>
      onAnswer({ method, url, status: statusCode, ms: Math.round(elapsedTime * 10) / 10 }),
    );
  }
  app.setErrorHandler((error, _request, reply) => answerError(error, reply, options));
  app.setNotFoundHandler((request, reply) => {
    const error = new IpvsError('BAD_REQUEST', `no resource ${request.method} ${request.url.slice(0, 200)}`);
    return reply.code(404).send(toCommandError(error));
  });

  const add = (scope: FastifyInstance, route: Route): void => {
    scope.route({
      method: route.method,
      url: route.url,
      schema: routeSchema(route),
      handler: (request, reply) => answerRoute(options, route, request, reply),
      ...(route.textBody === true && { bodyLimit: CONFIG_LIMIT }),
    });
  };
  for (const route of ROUTES) if (route.textBody === undefined) add(app, route);
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // as a whole: text by pieces takes twice as long
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, String(body)),
    );
    for (const route of ROUTES) if (route.textBody === true) add(scope, route);
  });
  for (const name of COMMAND_NAMES) {
    const limit = name.startsWith('config.') ? { bodyLimit: CONFIG_LIMIT } : {};
    app.post(`/v1/commands/${name}`, { schema: commandSchema(name), ...limit }, async (request, reply) => {
      const result = await directorOf(options, request).execute(
        name,
        (request.body ?? {}) as Args<CommandName>,
      );
      return sendJson(reply, result);
    });
  }
  app.post('/v1/commands/:command', { schema: { hide: true } }, (request) => {
    commandName(inputOf(request).params.command, 'command');
  });
  app.post('/v1/commands', { schema: batchSchema(batch.schema) }, (request, reply) =>
    answerBatch(directorOf(options, request), request, reply),
  );
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => sendJson(reply, app.swagger()));
  app.get('/v1/events', { schema: eventsSchema }, (request, reply) => answerEvents(options, request, reply));
  app.get('/metrics', { schema: metricsSchema }, (request, reply) => answerMetrics(options, request, reply));
  app.get('/healthz', { schema: healthSchema('The daemon lives') }, () => ({ status: 'ok' }));
  app.get(
    '/readyz',
    { schema: healthSchema('The daemon handles packets and commands') },
    (_request, reply) =>
      options.ready() ? { status: 'ok' } : reply.code(503).send({ status: 'starting or stopping' }),
  );
  await app.ready();
  return app;
}

/** Every body is JSON, whatever the request calls it (curl -d calls it a form). */
function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      done(null, parseJson(body as string));
    } catch (error) {
      done(error as IpvsError);
    }
  });
}

/** The parameters behind the path, without the one that says where the request goes. */
function queryOf(request: FastifyRequest): { netns?: unknown; query: Record<string, string> } {
  const { netns, ...query } = request.query as Record<string, string>;
  return { netns, query };
}

function directorOf({ director }: ApiOptions, request: FastifyRequest): Director {
  const { netns } = queryOf(request);
  return director(netns === undefined ? undefined : netnsName.read(netns, 'netns'));
}

function inputOf(request: FastifyRequest): RouteInput {
  return {
    params: request.params as Record<string, string>,
    query: queryOf(request).query,
    body: request.body,
  };
}

async function answerRoute(options: ApiOptions, route: Route, request: FastifyRequest, reply: FastifyReply) {
  const input = inputOf(request);
  try {
    const director = directorOf(options, request);
    const result = await director.execute(route.command, route.args(input) as Args<CommandName>);
    if (route.location !== undefined)
      return reply.code(201).header('location', location(route, request)).send();
    if (result === null) return reply.code(204).send();
    return route.plain === true
      ? reply.type('text/plain; charset=utf-8').send(result)
      : sendJson(reply, result);
  } catch (error) {
    throw error instanceof IpvsError ? asRequestSpells(error, route) : error;
  }
}

/** Where the resource is that was made: in the namespace that the request named. */
function location(route: Route, request: FastifyRequest): string {
  const { netns } = queryOf(request);
  const path = route.location!(inputOf(request));
  return netns === undefined ? path : `${path}?netns=${encodeURIComponent(String(netns))}`;
}

/** Carries out commands in order. The first that fails ends it; those before it stay done. */
async function answerBatch(director: Director, request: FastifyRequest, reply: FastifyReply) {
  // what the commands are is the director's to check
  const commands = batch
    .read(request.body, 'batch')
    .map(({ command, args }) => ({ command, args: args ?? {} }) as CommandRequest);
  const { results, error } = await executeBatch(director, commands);
  if (error === undefined) return sendJson(reply, { results });
  reply.code(HTTP_STATUS[error.code]);
  return sendJson(reply, { ...toCommandError(error), index: results.length, results });
}

/** Texts and null are JSON here too; Fastify would send them as they are. */
function sendJson(reply: FastifyReply, value: unknown) {
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(value));
}

function answerError(error: unknown, reply: FastifyReply, { onFault }: ApiOptions) {
  if (error instanceof IpvsError) {
    if (error.code === 'SYSTEM') onFault(error);
    return reply.code(HTTP_STATUS[error.code]).send(toCommandError(error));
  }
  // Fastify's own errors about a request (too large, bad URL) carry a status of theirs
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    const refusal = new IpvsError('BAD_REQUEST', message, 'request');
    return reply.code(statusCode).send(toCommandError(refusal));
  }
  onFault(error);
  return reply.code(500).send(toCommandError(error));
}
