/** `-S`: services and real servers as lines that `-R` reads. */
import type { DestEntry, ForwardName, ServiceEntry, ServiceKey } from '../../control/command.js';
import type { Column } from './columns.js';
import { type Context, query } from './context.js';
import { eachService } from './each-service.js';
import { HOST_MASK } from './line.js';
import { addrPortName, type NameResolver } from './names.js';
import { showSchedFlags } from './sched-flags.js';
import { markText, portProtocol, serviceFamily } from './service-name.js';
import { sortDests, sortServices } from './sort.js';

const SERVICE_OPTIONS = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;

const FORWARD_OPTIONS: Readonly<Record<ForwardName, string>> = {
  masq: '-m',
  tunnel: '-i',
  route: '-g',
  local: '-g',
  bypass: '-g',
};

/** Prints the rules. Thresholds, timeouts and daemons are not among them. */
export async function save(context: Context, given: ReadonlySet<Column>): Promise<void> {
  const resolver = given.has('numeric') ? undefined : context.io.resolver;
  const services = sortServices(await query(context, 'service.list', {}));
  for await (const [service, dests] of eachService(context, services)) {
    const name = await serviceOption(service, resolver);
    let text = `-A ${name} -s ${service.scheduler}${settings(service)}\n`;
    for (const dest of sortDests(dests)) {
      const server = await addrPortName(resolver, dest.address, dest.port, portProtocol(service));
      text += `-a ${name} -r ${server} ${FORWARD_OPTIONS[dest.forward]} -w ${dest.weight}${tunnelOptions(dest)}\n`;
    }
    context.io.stdout(text);
  }
}

async function serviceOption(key: ServiceKey, resolver: NameResolver | undefined): Promise<string> {
  if ('fwmark' in key) return `-f ${markText(key.fwmark)}${key.family === 'inet6' ? ' -6' : ''}`;
  return `${SERVICE_OPTIONS[key.protocol]} ${await addrPortName(resolver, key.address, key.port, key.protocol)}`;
}

function settings(service: ServiceEntry): string {
  const { flags, timeout, netmask, pe, scheduler } = service;
  let text = '';
  if (flags.includes('persistent')) {
    text += ` -p ${timeout}`;
    if (netmask !== HOST_MASK[serviceFamily(service)]) text += ` -M ${netmask}`;
  }
  if (pe !== undefined) text += ` --pe ${pe}`;
  if (flags.includes('ops')) text += ' -o';
  const schedFlags = showSchedFlags(flags, scheduler);
  return schedFlags === undefined ? text : `${text} -b ${schedFlags}`;
}

function tunnelOptions({ forward, tunType, tunPort, tunCsum }: DestEntry): string {
  if (forward !== 'tunnel') return '';
  if (tunType === 'ipip') return ' --tun-type ipip';
  const port = tunType === 'gue' ? ` --tun-port ${tunPort}` : '';
  return ` --tun-type ${tunType}${port} --tun-${tunCsum}`;
}
