/** The six kinds of listings of services, with what differs in them: titles, and the columns of a real server. */
import type { DestEntry, ForwardName, TunnelCsumName } from '../../control/command.js';
import type { Column } from './columns.js';
import { counter } from './numbers.js';

/** One kind of listing. */
export interface ListMode {
  /** The title lines, each with its newline. */
  readonly titles: string;
  /** Columns after a service's name, which is then padded; undefined when the service's settings follow it instead. */
  readonly service?: (stats: DestEntry['stats'], exact: boolean) => string;
  /** Columns after a real server's name. */
  readonly dest: (dest: DestEntry, exact: boolean) => string;
}

const SERVER_TITLE = '  -> RemoteAddress:Port';

const FORWARDS: Readonly<Record<ForwardName, string>> = {
  masq: 'Masq',
  local: 'Local',
  tunnel: 'Tunnel',
  route: 'Route',
  bypass: 'Bypass',
};

const CSUMS: Readonly<Record<TunnelCsumName, string>> = { nocsum: '-c', csum: '+c', remcsum: 'r+c' };

const DEFAULT: ListMode = {
  titles: `Prot LocalAddress:Port Scheduler Flags\n${SERVER_TITLE.padEnd(34)}Forward Weight ActiveConn InActConn\n`,
  dest: (dest) =>
    ` ${FORWARDS[dest.forward].padEnd(7)} ${pad(dest.weight, 6)} ${pad(dest.activeConns)} ${pad(dest.inactConns)}`,
};

const TUN_INFO: ListMode = {
  titles: `Prot LocalAddress:Port Scheduler Flags\n${SERVER_TITLE.padEnd(34)}Forward TunnelInfo    Weight ActiveConn InActConn\n`,
  dest: (dest) =>
    ` ${FORWARDS[dest.forward].padEnd(7)} ${tunnelInfo(dest).padEnd(13)} ${pad(dest.weight, 6)} ${pad(dest.activeConns)} ${pad(dest.inactConns)}`,
};

const STATS: ListMode = countersMode(['Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes'], (s, exact) =>
  [s.conns, s.inpkts, s.outpkts, s.inbytes, s.outbytes].map((n) => counter(n, exact)).join(''),
);

const RATE: ListMode = countersMode(
  ['CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS'],
  (s, exact) =>
    [s.cps, s.inpps, s.outpps].map((n) => ` ${String(n).padStart(8)}`).join('') +
    [s.inbps, s.outbps].map((n) => counter(n, exact)).join(''),
);

const THRESHOLDS: ListMode = {
  titles: serverColumns(['Uthreshold', 'Lthreshold', 'ActiveConn', 'InActConn'], [10, 10, 10, 10]),
  dest: (dest) =>
    ` ${[dest.uThreshold, dest.lThreshold, dest.activeConns, dest.inactConns].map((n) => pad(n)).join(' ')}`,
};

const PERSISTENT: ListMode = {
  titles: serverColumns(['Weight', 'PersistConn', 'ActiveConn', 'InActConn'], [9, 11, 10, 10]),
  dest: (dest) =>
    ` ${pad(dest.weight, 9)} ${pad(dest.persistConns, 11)} ${pad(dest.activeConns)} ${pad(dest.inactConns)}`,
};

/** The mode that options choose; the first of these counts when there are several. */
export function listMode(given: ReadonlySet<Column>): ListMode {
  if (given.has('stats')) return STATS;
  if (given.has('rate')) return RATE;
  if (given.has('thresholds')) return THRESHOLDS;
  if (given.has('persistent-conn')) return PERSISTENT;
  if (given.has('tun-info')) return TUN_INFO;
  return DEFAULT;
}

function countersMode(names: readonly string[], columns: NonNullable<ListMode['service']>): ListMode {
  const titles = names.map((name) => ` ${name.padStart(8)}`).join('');
  return {
    titles: `${'Prot LocalAddress:Port'.padEnd(33)}${titles}\n${SERVER_TITLE}\n`,
    service: columns,
    dest: ({ stats }, exact) => columns(stats, exact),
  };
}

function serverColumns(names: readonly string[], widths: readonly number[]): string {
  const titles = names.map((name, i) => ` ${name.padEnd(widths[i]!)}`).join('');
  return `${'Prot LocalAddress:Port'.padEnd(33)}${titles}\n${SERVER_TITLE}\n`;
}

function pad(value: number, width = 10): string {
  return String(value).padEnd(width);
}

function tunnelInfo({ forward, tunType, tunPort, tunCsum }: DestEntry): string {
  if (forward !== 'tunnel') return 'n/a';
  if (tunType === 'ipip') return 'ipip';
  return tunType === 'gue' ? `gue:${tunPort}:${CSUMS[tunCsum]}` : `gre:${CSUMS[tunCsum]}`;
}
