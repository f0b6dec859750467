/** The options of ipvsadm: how they are spelt, which column of the rules they belong to, and what their values do. */
import type { Column } from './columns.js';
import type { PoptOption } from './popt.js';
import type { Command } from './rules.js';
import * as take from './take.js';

/** An option of ipvsadm, commands included. */
export interface Option extends PoptOption {
  /** The option is a command. */
  readonly command?: Command | 'help' | 'version';
  /** Column of the rules. Options without one are always legal. */
  readonly column?: Column;
  /** What the option does, with its value or, where it has none, an empty text. */
  readonly apply?: take.Take;
  /** What an option with an optional value does without one. */
  readonly applyBare?: take.Take;
}

function command(command: NonNullable<Option['command']>, long: string, short?: string): Option {
  return { command, long, value: 'none', ...(short && { short }) };
}

function flag(column: Column, long: string, short?: string, apply?: take.Take): Option {
  return { column, long, value: 'none', ...(short && { short }), ...(apply && { apply }) };
}

function valued(column: Column, apply: take.Take, long: string, short?: string): Option {
  return { column, apply, long, value: 'required', ...(short && { short }) };
}

/** All options. */
export const OPTIONS: readonly Option[] = [
  command('add-service', 'add-service', 'A'),
  command('edit-service', 'edit-service', 'E'),
  command('delete-service', 'delete-service', 'D'),
  command('flush', 'clear', 'C'),
  command('list', 'list', 'L'),
  { command: 'list', short: 'l', value: 'none' },
  command('zero', 'zero', 'Z'),
  command('add-server', 'add-server', 'a'),
  command('edit-server', 'edit-server', 'e'),
  command('delete-server', 'delete-server', 'd'),
  command('set', 'set'),
  command('help', 'help', 'h'),
  command('version', 'version', 'v'),
  command('restore', 'restore', 'R'),
  command('save', 'save', 'S'),
  { command: 'start-daemon', long: 'start-daemon', value: 'required' },
  { command: 'stop-daemon', long: 'stop-daemon', value: 'required' },

  valued('service-address', take.takeService('tcp'), 'tcp-service', 't'),
  valued('service-address', take.takeService('udp'), 'udp-service', 'u'),
  valued('service-address', take.takeService('sctp'), 'sctp-service'),
  valued('service-address', take.takeFwmark, 'fwmark-service', 'f'),
  { long: 'ipv6', short: '6', value: 'none', apply: take.takeIpv6 },
  valued('scheduler', take.takeScheduler, 'scheduler', 's'),
  {
    column: 'persistent',
    long: 'persistent',
    short: 'p',
    value: 'optional',
    apply: take.takePersistent,
    applyBare: take.takeDefaultPersistence,
  },
  valued('netmask', take.takeNetmask, 'netmask', 'M'),
  valued('pe', take.takePe, 'pe'),
  flag('ops', 'ops', 'o', take.takeOps),
  valued('sched-flags', take.takeSchedFlags, 'sched-flags', 'b'),

  valued('real-server', take.takeRealServer, 'real-server', 'r'),
  flag('forwarding-method', 'masquerading', 'm', take.takeForward('masq')),
  flag('forwarding-method', 'ipip', 'i', take.takeForward('tunnel')),
  flag('forwarding-method', 'gatewaying', 'g', take.takeForward('route')),
  valued('weight', take.takeServerNumber('weight', 'weight'), 'weight', 'w'),
  valued('u-threshold', take.takeServerNumber('uThreshold', 'u_threshold'), 'u-threshold', 'x'),
  valued('l-threshold', take.takeServerNumber('lThreshold', 'l_threshold'), 'l-threshold', 'y'),
  valued('tun-type', take.takeTunType, 'tun-type'),
  valued('tun-port', take.takeServerNumber('tunPort', 'tunnel port', 1, 65535), 'tun-port'),
  flag('tun-nocsum', 'tun-nocsum', undefined, take.takeTunCsum('nocsum')),
  flag('tun-csum', 'tun-csum', undefined, take.takeTunCsum('csum')),
  flag('tun-remcsum', 'tun-remcsum', undefined, take.takeTunCsum('remcsum')),

  flag('numeric', 'numeric', 'n'),
  flag('connection', 'connection', 'c'),
  flag('timeout', 'timeout'),
  flag('daemon', 'daemon'),
  flag('stats', 'stats'),
  flag('rate', 'rate'),
  flag('thresholds', 'thresholds'),
  flag('persistent-conn', 'persistent-conn'),
  flag('tun-info', 'tun-info'),
  flag('nosort', 'nosort'),
  { long: 'sort', value: 'none' },
  flag('exact', 'exact', 'X'),

  valued('syncid', take.takeDaemonNumber('syncid', 'syncid', 0, 255), 'syncid'),
  valued(
    'sync-maxlen',
    take.takeDaemonNumber('maxlen', 'sync-maxlen', 1, take.SYNC_MAXLEN_MAX),
    'sync-maxlen',
  ),
  valued('mcast-interface', take.takeInterface, 'mcast-interface'),
  valued('mcast-group', take.takeGroup, 'mcast-group'),
  valued('mcast-port', take.takeDaemonNumber('port', 'mcast-port', 1, 65535), 'mcast-port'),
  valued('mcast-ttl', take.takeDaemonNumber('ttl', 'mcast-ttl', 1, 255), 'mcast-ttl'),
];
