/** Carries out a command line that was read. */
import type { DaemonSpec, DestKey, DestSpec, ServiceKey, ServiceSpec } from '../../control/command.js';
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
  switch (line.command) {
    case 'add-service':
      await change(context, 'service.add', { service: serviceSpec(line) });
      break;
    case 'edit-service':
      await change(context, 'service.edit', { service: serviceSpec(line) });
      break;
    case 'delete-service':
      await change(context, 'service.delete', { service: serviceKey(line) });
      break;
    case 'flush':
      await change(context, 'flush', {});
      break;
    case 'list':
      await list(context, line);
      break;
    case 'add-server':
      await change(context, 'dest.add', { service: serviceKey(line), dest: destSpec(line) });
      break;
    case 'edit-server':
      await change(context, 'dest.edit', { service: serviceKey(line), dest: destSpec(line) });
      break;
    case 'delete-server':
      await change(context, 'dest.delete', { service: serviceKey(line), dest: destKey(line) });
      break;
    case 'set': {
      const [tcp, tcpFin, udp] = line.timeouts!;
      await change(context, 'timeout.set', { tcp, tcpFin, udp });
      break;
    }
    case 'start-daemon':
      await change(context, 'daemon.start', { daemon: daemonSpec(line) });
      break;
    case 'stop-daemon':
      await change(context, 'daemon.stop', { state: line.daemonState });
      break;
    case 'save':
      await save(context, line.given);
      break;
    case 'zero':
      await change(context, 'zero', line.given.has('service-address') ? { service: serviceKey(line) } : {});
      break;
    case 'restore':
      throw tryHelp();
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
