/** `-L`: services with their real servers. */
import type { DestEntry, ServiceEntry, ServiceKey } from '../../control/command.js';
import type { Column } from './columns.js';
import { type Context, query } from './context.js';
import { eachService } from './each-service.js';
import { HOST_MASK } from './line.js';
import { type ListMode, listMode } from './list-mode.js';
import { addrPortName } from './names.js';
import { showSchedFlags } from './sched-flags.js';
import { cutIpv4, portProtocol, serviceFamily, serviceName } from './service-name.js';
import { sortDests, sortServices } from './sort.js';

/** Lists all services, below a line about the director. */
export async function listAll(context: Context, given: ReadonlySet<Column>): Promise<void> {
  const { version, connTabSize } = await query(context, 'info', {});
  const services = await query(context, 'service.list', {});
  const mode = listMode(given);
  context.io.stdout(`IP Virtual Server version ${version} (size=${connTabSize})\n${mode.titles}`);
  await printServices(context, given.has('nosort') ? services : sortServices(services), mode, given);
}

/** Lists one service. */
export async function listService(
  context: Context,
  key: ServiceKey,
  given: ReadonlySet<Column>,
): Promise<void> {
  const service = await query(context, 'service.get', { service: key });
  const mode = listMode(given);
  context.io.stdout(mode.titles);
  await printServices(context, [service], mode, given);
}

async function printServices(
  context: Context,
  services: readonly ServiceEntry[],
  mode: ListMode,
  given: ReadonlySet<Column>,
): Promise<void> {
  const exact = given.has('exact');
  const resolver = given.has('numeric') ? undefined : context.io.resolver;
  for await (const [service, dests] of eachService(context, services)) {
    const name = await serviceName(service, resolver);
    const columns = mode.service?.(service.stats, exact);
    let text = columns === undefined ? `${name} ${settings(service)}\n` : `${name.padEnd(33)}${columns}\n`;
    for (const dest of given.has('nosort') ? dests : sortDests(dests)) {
      const destName = await addrPortName(resolver, dest.address, dest.port, portProtocol(service));
      text += destLine(dest, destName, mode, exact);
    }
    context.io.stdout(text);
  }
}

function destLine(dest: DestEntry, name: string, mode: ListMode, exact: boolean): string {
  return `  -> ${cutIpv4(dest.address, name).padEnd(28)}${mode.dest(dest, exact)}\n`;
}

/** Scheduler, flags, persistence: all on one line. */
function settings(service: ServiceEntry): string {
  const { scheduler, flags, timeout, netmask, pe } = service;
  const schedFlags = showSchedFlags(flags, scheduler);
  let text = scheduler;
  if (schedFlags !== undefined) text += ` (${schedFlags})`;
  if (flags.includes('persistent')) {
    text += ` persistent ${timeout}`;
    if (netmask !== HOST_MASK[serviceFamily(service)]) text += ` mask ${netmask}`;
    if (pe !== undefined) text += ` pe ${pe}`;
  }
  return flags.includes('ops') ? `${text} ops` : text;
}
