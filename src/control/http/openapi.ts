/** The OpenAPI document of the HTTP API, made of the shapes that check requests. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { ERRORS } from '../../errors.js';
import type { CommandName } from '../command.js';
import { COMMANDS, isNetnsCommand } from '../command-table.js';
import { CONFIG_SHAPES } from '../config-fields.js';
import { drainEntry } from '../drain-fields.js';
import { explanation } from '../explanation-shape.js';
import { NAMED_SHAPES, netnsName } from '../fields.js';
import { packetSpec } from '../packet-spec.js';
import type { JsonSchema } from '../shape.js';
import type { Route } from './route.js';

/** Version of the API: of its paths' prefix, with additions as minor numbers. */
const API_VERSION = '1.0.0';

const commandError: JsonSchema = {
  $id: 'CommandError',
  type: 'object',
  description: 'Why a command was not carried out. Codes are explained in docs/errors.md.',
  properties: {
    code: { type: 'string', enum: Object.keys(ERRORS) },
    errno: { type: 'string', enum: [...new Set(Object.values(ERRORS).map(({ errno }) => errno))] },
    message: { type: 'string', description: 'Begins with the field, when there is one.' },
    field: { type: 'string', description: 'The input at fault, as the request spells it.' },
  },
  required: ['code', 'errno', 'message'],
};

const failures = { '4xx': { description: 'Refused', $ref: 'CommandError#' } };

/** How the document is made. */
export const DOCUMENT: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'ipvsd',
      description:
        'The control API of ipvsd, on a unix socket, and over TCP with a token. Resources are ways to say commands; every command can also be said by name below /v1/commands.',
      version: API_VERSION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://localhost' }],
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    // none is needed at the unix socket
    security: [{}, { token: [] }],
  },
  refResolver: {
    buildLocalReference: (json, _base, _fragment, i) =>
      typeof json.$id === 'string' ? json.$id : `def-${i}`,
  },
};

/** Makes the named shapes known, so that routes can refer to them. */
export function addSchemas(app: FastifyInstance): void {
  app.addSchema(commandError);
  for (const { definition } of [...NAMED_SHAPES, ...CONFIG_SHAPES, packetSpec, explanation, drainEntry])
    app.addSchema(definition);
}

/** How a resource's operation is described. */
export function routeSchema(route: Route): FastifySchema {
  const { summary, result } = COMMANDS[route.command];
  const names = [...route.url.matchAll(/:(\w+)/g)].map((match) => match[1]!);
  return {
    summary: route.summary ?? summary,
    tags: [route.url.split('/')[2]!],
    operationId: `${route.method.toLowerCase()}${route.url.replace(/\/v1|:/g, '').replaceAll('/', '_')}`,
    ...(names.length > 0 && { params: parameters(names) }),
    ...querystring(route.command, route.query),
    ...(route.body !== undefined && { body: route.body }),
    ...(route.textBody === true && {
      consumes: ['application/yaml'],
      body: { type: 'string', description: 'The text of a configuration: YAML or JSON.' },
    }),
    response: { ...success(route, result.schema), ...failures },
  };
}

/** The parameters behind the path: which namespace a request is about, and the route's own. */
function querystring(command: CommandName, own: JsonSchema = { type: 'object' }): FastifySchema {
  const properties = { ...(own.properties as object), ...(!isNetnsCommand(command) && { netns: NETNS }) };
  return Object.keys(properties).length === 0 ? {} : { querystring: { ...own, properties } };
}

function success(route: Route, schema: JsonSchema): Record<string, unknown> {
  if (route.location !== undefined)
    return { 201: { description: 'Made; Location says where', type: 'null' } };
  if (schema.type === 'null') return { 204: { description: 'Done', type: 'null' } };
  if (route.plain === true) return { 200: { description: 'Text', content: { 'text/plain': { schema } } } };
  return { 200: { description: 'Done', ...schema } };
}

const NETNS: JsonSchema = {
  ...netnsName.schema,
  description:
    'Network namespace, by its name below /run/netns. Default: the first that the daemon was started with.',
};

const PARAMETERS: Readonly<Record<string, JsonSchema>> = {
  service: {
    type: 'string',
    examples: ['tcp:10.1.0.100:80', 'udp:[fd00:1::100]:53', 'fwmark:7', 'fwmark:7:inet6'],
  },
  dest: { type: 'string', examples: ['10.2.0.11:80', '[fd00:2::11]:80'] },
  state: { type: 'string', enum: ['master', 'backup'] },
  name: { type: 'string' },
  interface: { type: 'string' },
  address: { type: 'string' },
};

function parameters(names: readonly string[]): JsonSchema {
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, PARAMETERS[name]])),
    required: names,
  };
}

/** How a command said by its name is described. */
export function commandSchema(name: CommandName): FastifySchema {
  const { summary, args, result } = COMMANDS[name];
  return {
    summary,
    tags: ['commands'],
    operationId: `command_${name.replace('.', '_')}`,
    ...querystring(name),
    body: args.schema,
    response: { 200: { description: 'Done', ...result.schema }, ...failures },
  };
}

/** How a batch is described. */
export function batchSchema(body: JsonSchema): FastifySchema {
  const results = {
    type: 'array',
    items: {},
    description: 'Results of the commands that were carried out, in order',
  };
  return {
    summary: 'Carry out commands in order, until one fails',
    tags: ['commands'],
    operationId: 'batch',
    querystring: { type: 'object', properties: { netns: NETNS } },
    body,
    response: {
      200: { description: 'All done', type: 'object', properties: { results }, required: ['results'] },
      '4xx': {
        description: 'Command number `index` (from 0) was refused',
        allOf: [{ $ref: 'CommandError#' }],
        type: 'object',
        properties: { index: { type: 'integer' }, results },
      },
    },
  };
}

/** How a health check is described. */
export function healthSchema(summary: string): FastifySchema {
  const status = { type: 'object', properties: { status: { type: 'string' } } };
  return {
    summary,
    tags: ['health'],
    response: { 200: { description: 'Yes', ...status }, 503: { description: 'No', ...status } },
  };
}
