/** Carries out a command line that was read. */
import type {
  CommandRequest,
  DaemonSpec,
  DestKey,
  DestSpec,
  ServiceKey,
  ServiceSpec,
} from '../../control/command.js';
import { type Context, change } from './context.js';
import { familyOf } from './line.js';
import { listAll, listService } from './list.js';
import { listConns } from './list-conns.js';
import { listDaemons, listTimeouts } from './list-other.js';
import type { ParsedLine } from './parse.js';
import { checkTunnel, TUNNEL_OPTIONS } from './rules.js';
import { save } from './save.js';
import { tryHelp, wrong } from './stop.js';

/** Carries out any command but `-R`, which may not stand among the lines that `-R` reads. Throws a Stop when it failed. */
export async function execute(context: Context, line: ParsedLine): Promise<void> {
  const request = changeOf(line);
  if (request !== undefined) return change(context, request);
  switch (line.command) {
    case 'list':
      return list(context, line);
    case 'save':
      return save(context, line.given);
    default:
      throw tryHelp();
  }
}

/** What the director is asked for a line that changes something; undefined for other lines. Throws a Stop when the line cannot be right. */
export function changeOf(line: ParsedLine): CommandRequest | undefined {
  switch (line.command) {
    case 'add-service':
      return { command: 'service.add', args: { service: serviceSpec(line) } };
    case 'edit-service':
      return { command: 'service.edit', args: { service: serviceSpec(line) } };
    case 'delete-service':
      return { command: 'service.delete', args: { service: serviceKey(line) } };
    case 'flush':
      return { command: 'flush', args: {} };
    case 'add-server':
      return { command: 'dest.add', args: { service: serviceKey(line), dest: destSpec(line) } };
    case 'edit-server':
      return { command: 'dest.edit', args: { service: serviceKey(line), dest: destSpec(line) } };
    case 'delete-server':
      return { command: 'dest.delete', args: { service: serviceKey(line), dest: destKey(line) } };
    case 'set': {
      const [tcp, tcpFin, udp] = line.timeouts!;
      return { command: 'timeout.set', args: { tcp, tcpFin, udp } };
    }
    case 'start-daemon':
      return { command: 'daemon.start', args: { daemon: daemonSpec(line) } };
    case 'stop-daemon':
      return { command: 'daemon.stop', args: { state: line.daemonState } };
    case 'zero':
      return {
        command: 'zero',
        args: line.given.has('service-address') ? { service: serviceKey(line) } : {},
      };
    default:
      return undefined;
  }
}

async function list(context: Context, line: ParsedLine): Promise<void> {
  const { given } = line;
  const counters = given.has('stats') || given.has('rate') || given.has('thresholds');
  const settings = given.has('timeout') || given.has('daemon');
  if ((counters && (settings || given.has('connection'))) || (settings && given.has('persistent-conn'))) {
    throw wrong('options conflicts in the list command');
  }
  if (given.has('connection')) await listConns(context, given);
  else if (given.has('service-address')) await listService(context, serviceKey(line), given);
  else if (given.has('timeout')) await listTimeouts(context);
  else if (given.has('daemon')) await listDaemons(context);
  else await listAll(context, given);
}

function serviceKey({ service: { fwmark, family, protocol, address, port } }: ParsedLine): ServiceKey {
  // the rules want an address option or a mark with every command that comes here
  return fwmark !== 0 ? { fwmark, family } : { protocol: protocol!, address, port };
}

function serviceSpec(line: ParsedLine): ServiceSpec {
  const { scheduler, persistent, netmask, pe, ops, fwmark, protocol, port } = line.service;
  if (fwmark === 0 && port === 0 && persistent === undefined) {
    throw wrong('Zero port specified for non-persistent service');
  }
  if (ops && fwmark === 0 && protocol !== 'udp') {
    throw wrong('One-Packet Scheduling is only for UDP virtual services');
  }
  return {
    ...serviceKey(line),
    scheduler,
    flags: [
      ...(persistent !== undefined ? ['persistent'] : []),
      ...(ops ? ['ops'] : []),
      ...line.schedFlagNames,
    ],
    timeout: persistent ?? 0,
    netmask,
    ...(pe !== '' && { pe }),
  };
}

function destKey({ server: { address, port } }: ParsedLine): DestKey {
  return { address, port };
}

function destSpec(line: ParsedLine): DestSpec {
  const { service, server, given } = line;
  const { address, forward, weight, uThreshold, lThreshold, tunType, tunPort, tunCsum } = server;
  if (forward !== 'tunnel') {
    if (familyOf(address) !== service.family) {
      throw wrong('Different address family is allowed only for tunneling servers');
    }
    if (TUNNEL_OPTIONS.some((option) => given.has(option))) {
      throw wrong('Tunnel options conflict with forward method');
    }
  } else {
    checkTunnel(tunType, given);
  }
  // only NAT can change the port; a mark stands for many
  const port = forward !== 'masq' && service.fwmark === 0 ? service.port : server.port;
  const spec = { address, port, forward, weight, uThreshold, lThreshold };
  return forward === 'tunnel' ? { ...spec, tunType, tunPort, tunCsum } : spec;
}

function daemonSpec({ daemon, daemonState }: ParsedLine): DaemonSpec {
  return { state: daemonState, ...daemon };
}
