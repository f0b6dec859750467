/** Which part of a configuration a command came from. */
import type {
  CommandRequest,
  DestKey,
  DirectorConfig,
  ServedConfig,
  ServiceKey,
} from '../../control/command.js';
import { vipId } from '../../control/config-fields.js';
import { destId, serviceId } from '../../control/resource-id.js';
import type { PlacedCommand } from './step.js';

/** The path of what a command was about: see {@link placeOf}, for any network namespace. */
export function placedPath(
  { netns, request }: PlacedCommand,
  field: string | undefined,
  config: ServedConfig,
): string | undefined {
  if (request.command === 'netns.add') return `namespaces.${request.args.name}`;
  if (netns === undefined) return placeOf(request, field, config);
  const place = placeOf(request, field, config.namespaces?.[netns] ?? {});
  return place && `namespaces.${netns}.${place}`;
}

/**
 * The path of what `request` was about, with the field of its argument that an error names: `services[2].dests[0].weight`. Undefined for
 * what `config` does not mention.
 */
function placeOf(
  request: CommandRequest,
  field: string | undefined,
  config: DirectorConfig,
): string | undefined {
  switch (request.command) {
    case 'sysctl.set':
      return config.sysctl?.[request.args.name] === undefined ? undefined : `sysctl.${request.args.name}`;
    case 'timeout.set':
      return `timeouts.${Object.keys(request.args)[0]}`;
    case 'vip.add':
      return within('vips', config.vips, vipId, request.args.vip, inside(field, 'vip'));
    case 'daemon.start':
      return within('sync', config.sync, ({ state }) => state, request.args.daemon, inside(field, 'daemon'));
    case 'service.add':
    case 'service.edit':
      return serviceAt(config, request.args.service, inside(field, 'service'));
    case 'health.set':
      return serviceAt(config, request.args.service, inside(field, 'health') && `.${field}`);
    case 'dest.add':
    case 'dest.edit':
      return destAt(config, request.args.service, request.args.dest, inside(field, 'dest'));
    default:
      return undefined;
  }
}

/** What of `field` is inside the argument `name`, with its dot. */
function inside(field: string | undefined, name: string): string {
  return field?.startsWith(`${name}.`) ? field.slice(name.length) : '';
}

function within<T>(
  list: string,
  entries: readonly T[] | undefined,
  idOf: (entry: T) => string,
  wanted: T,
  rest: string,
): string | undefined {
  const index = (entries ?? []).findIndex((entry) => idOf(entry) === idOf(wanted));
  return index < 0 ? undefined : `${list}[${index}]${rest}`;
}

function serviceAt(config: DirectorConfig, key: ServiceKey, rest: string): string | undefined {
  return within<ServiceKey>('services', config.services, serviceId, key, rest);
}

function destAt(config: DirectorConfig, key: ServiceKey, dest: DestKey, rest: string): string | undefined {
  const service = config.services?.find((entry) => serviceId(entry) === serviceId(key));
  const place = serviceAt(config, key, '');
  return place && within<DestKey>(`${place}.dests`, service?.dests, destId, dest, rest);
}
