/**
 * The resources of the HTTP API. A route only puts the pieces of a request where its command wants them; what they may be,
 * and what comes of it, is the command's.
 */
import type { IpvsError } from '../../errors.js';
import type { DestKey, ServiceKey } from '../command.js';
import { withField } from '../command-error.js';
import { COMMANDS } from '../command-table.js';
import { daemonSettings, destSettings, destSpec, serviceSettings, serviceSpec, vipSpec } from '../fields.js';
import { healthSpec } from '../health-fields.js';
import { drainPolicy } from '../option-fields.js';
import { packetSpec } from '../packet-spec.js';
import { destId, parseDestId, parseServiceId, serviceId } from '../resource-id.js';
import { object, optional, text } from '../shape.js';
import { bodyOf, bodyWith, queryOf, type Route, type RouteInput } from './route.js';

const none = () => ({});
const params = (input: RouteInput) => input.params;
const service = (input: RouteInput) => parseServiceId(input.params.service!, 'service');
const ofService = (input: RouteInput) => ({ service: service(input) });
const dest = (input: RouteInput) => parseDestId(input.params.dest!, 'dest');

const director: Route[] = [
  { method: 'GET', url: '/v1/info', command: 'info', args: none },
  { method: 'GET', url: '/v1/stats', command: 'stats', args: none },
  { method: 'POST', url: '/v1/zero', command: 'zero', args: none, summary: 'Zero all counters' },
];

const services: Route[] = [
  { method: 'GET', url: '/v1/services', command: 'service.list', args: none },
  {
    method: 'POST',
    url: '/v1/services',
    command: 'service.add',
    args: (input) => ({ service: bodyOf(input) }),
    bodyField: 'service',
    body: serviceSpec.schema,
    location: (input) => `/v1/services/${serviceId(serviceSpec.read(input.body, '') satisfies ServiceKey)}`,
  },
  { method: 'DELETE', url: '/v1/services', command: 'flush', args: none },
  { method: 'GET', url: '/v1/services/:service', command: 'service.get', args: ofService },
  {
    method: 'PUT',
    url: '/v1/services/:service',
    command: 'service.edit',
    args: (input) => ({ service: bodyWith(input, service(input)), replace: true }),
    bodyField: 'service',
    body: serviceSettings.schema,
  },
  { method: 'DELETE', url: '/v1/services/:service', command: 'service.delete', args: ofService },
  {
    method: 'POST',
    url: '/v1/services/:service/zero',
    command: 'zero',
    args: ofService,
    summary: 'Zero the counters of a service and its real servers',
  },
];

const dests: Route[] = [
  { method: 'GET', url: '/v1/services/:service/dests', command: 'dest.list', args: ofService },
  {
    method: 'POST',
    url: '/v1/services/:service/dests',
    command: 'dest.add',
    args: (input) => ({ service: service(input), dest: bodyOf(input) }),
    bodyField: 'dest',
    body: destSpec.schema,
    location: (input) =>
      `/v1/services/${serviceId(service(input))}/dests/${destId(destSpec.read(input.body, '') satisfies DestKey)}`,
  },
  {
    method: 'PUT',
    url: '/v1/services/:service/dests/:dest',
    command: 'dest.edit',
    args: (input) => ({ service: service(input), dest: bodyWith(input, dest(input)), replace: true }),
    bodyField: 'dest',
    body: destSettings.schema,
  },
  {
    method: 'DELETE',
    url: '/v1/services/:service/dests/:dest',
    command: 'dest.delete',
    args: (input) => ({ service: service(input), dest: dest(input) }),
  },
  {
    method: 'PUT',
    url: '/v1/services/:service/dests/:dest/drain',
    command: 'dest.drain',
    args: (input) => ({ ...bodyOf(input), service: service(input), dest: dest(input) }),
    body: drainPolicy.schema,
  },
  {
    method: 'DELETE',
    url: '/v1/services/:service/dests/:dest/drain',
    command: 'dest.undrain',
    args: (input) => ({ service: service(input), dest: dest(input) }),
  },
  { method: 'GET', url: '/v1/drains', command: 'drain.list', args: none },
];

const health: Route[] = [
  { method: 'GET', url: '/v1/health', command: 'health.list', args: none },
  {
    method: 'PUT',
    url: '/v1/services/:service/health',
    command: 'health.set',
    args: (input) => ({ service: service(input), health: bodyOf(input) }),
    bodyField: 'health',
    body: healthSpec.schema,
  },
  {
    method: 'DELETE',
    url: '/v1/services/:service/health',
    command: 'health.delete',
    args: ofService,
  },
];

const daemons: Route[] = [
  { method: 'GET', url: '/v1/daemons', command: 'daemon.list', args: none },
  {
    method: 'PUT',
    url: '/v1/daemons/:state',
    command: 'daemon.start',
    args: (input) => ({ daemon: bodyWith(input, input.params) }),
    bodyField: 'daemon',
    body: daemonSettings.schema,
  },
  { method: 'DELETE', url: '/v1/daemons/:state', command: 'daemon.stop', args: params },
];

const vips: Route[] = [
  { method: 'GET', url: '/v1/vips', command: 'vip.list', args: none },
  {
    method: 'POST',
    url: '/v1/vips',
    command: 'vip.add',
    args: (input) => ({ vip: bodyOf(input) }),
    bodyField: 'vip',
    body: vipSpec.schema,
    location: (input) => {
      const { interface: name, address } = vipSpec.read(input.body, '');
      return `/v1/vips/${encodeURIComponent(name)}/${address}`;
    },
  },
  {
    method: 'DELETE',
    url: '/v1/vips/:interface/:address',
    command: 'vip.delete',
    args: (input) => ({ vip: input.params }),
  },
];

/** A configuration's text as the body: `curl --data-binary @FILE`. */
const configText = {
  textBody: true,
  args: ({ body, query }: RouteInput) => ({ ...query, text: body ?? '' }),
  query: object({ file: optional(text('a file name', 1, 4096)) }).schema,
} as const;

const configuration: Route[] = [
  { method: 'GET', url: '/v1/config', command: 'config.get', args: none },
  { method: 'POST', url: '/v1/config/plan', command: 'config.plan', ...configText },
  { method: 'POST', url: '/v1/config/apply', command: 'config.apply', ...configText },
];

const settings: Route[] = [
  { method: 'GET', url: '/v1/timeouts', command: 'timeout.get', args: none },
  {
    method: 'PUT',
    url: '/v1/timeouts',
    command: 'timeout.set',
    args: bodyOf,
    body: COMMANDS['timeout.set'].args.schema,
  },
  { method: 'GET', url: '/v1/sysctl', command: 'sysctl.list', args: none },
  { method: 'GET', url: '/v1/sysctl/:name', command: 'sysctl.get', args: params },
  {
    method: 'PUT',
    url: '/v1/sysctl/:name',
    command: 'sysctl.set',
    args: (input) => bodyWith(input, input.params),
    body: object({ value: text('a sysctl value', 0, 4096) }).schema,
  },
];

const views: Route[] = [
  { method: 'GET', url: '/v1/counters', command: 'counters', args: none },
  {
    method: 'GET',
    url: '/v1/service-pages',
    command: 'service.page',
    args: queryOf,
    query: COMMANDS['service.page'].args.schema,
  },
  {
    method: 'GET',
    url: '/v1/connection-counts',
    command: 'conn.count',
    args: queryOf,
    query: COMMANDS['conn.count'].args.schema,
  },
  {
    method: 'POST',
    url: '/v1/explain',
    command: 'explain',
    args: (input) => ({ packet: bodyOf(input) }),
    bodyField: 'packet',
    body: packetSpec.schema,
  },
  {
    method: 'GET',
    url: '/v1/connections',
    command: 'conn.list',
    args: queryOf,
    query: COMMANDS['conn.list'].args.schema,
  },
  { method: 'GET', url: '/v1/proc/:name', command: 'proc', args: params, plain: true },
];

const namespaces: Route[] = [
  { method: 'GET', url: '/v1/namespaces', command: 'netns.list', args: none },
  { method: 'PUT', url: '/v1/namespaces/:name', command: 'netns.add', args: params },
  { method: 'DELETE', url: '/v1/namespaces/:name', command: 'netns.remove', args: params },
];

/** All resources. */
export const ROUTES: readonly Route[] = [
  ...director,
  ...services,
  ...dests,
  ...health,
  ...daemons,
  ...vips,
  ...settings,
  ...views,
  ...namespaces,
  ...configuration,
];

/** The error with its field named as the request spells it: fields of the body have no prefix there. */
export function asRequestSpells(error: IpvsError, route: Route): IpvsError {
  const prefix = `${route.bodyField}.`;
  if (error.field === undefined || !error.field.startsWith(prefix)) return error;
  return withField(error, error.field.slice(prefix.length));
}
