/** A command line that has been read: the command and everything it was given. */
import type {
  FamilyName,
  ForwardName,
  ProtocolName,
  TunnelCsumName,
  TunnelTypeName,
} from '../../control/command.js';
import type { Column } from './columns.js';
import type { Command } from './rules.js';

/** A command line. Starts with ipvsadm's defaults; each option changes it. */
export interface Line {
  readonly command: Command;
  /** Which of the daemons, for the commands that start and stop one. */
  readonly daemonState: 'master' | 'backup';
  /** The columns of the options so far. */
  readonly given: Set<Column>;
  readonly service: LineService;
  readonly server: LineServer;
  readonly daemon: LineDaemon;
  /** The names after `-b`, not yet looked at. */
  schedFlags: string;
  /** Seconds: tcp, tcpfin, udp. */
  timeouts: readonly [number, number, number] | undefined;
}

/** The virtual service of a line: by address when `fwmark` is 0. */
export interface LineService {
  /** Undefined until an address option was seen, and with a mark. */
  protocol: ProtocolName | undefined;
  family: FamilyName;
  address: string;
  port: number;
  fwmark: number;
  scheduler: string;
  /** Seconds; undefined without persistence. */
  persistent: number | undefined;
  netmask: string;
  pe: string;
  ops: boolean;
}

/** The real server of a line. */
export interface LineServer {
  address: string;
  port: number;
  forward: ForwardName;
  weight: number;
  uThreshold: number;
  lThreshold: number;
  tunType: TunnelTypeName;
  tunPort: number;
  tunCsum: TunnelCsumName;
}

/** Options of a synchronisation daemon; what is undefined was not given. */
export interface LineDaemon {
  interface: string;
  syncid: number;
  maxlen?: number;
  group?: string;
  port?: number;
  ttl?: number;
}

/** Mask of a persistence over single IPv4 addresses, and prefix length of one over single IPv6 addresses. */
export const HOST_MASK: Readonly<Record<FamilyName, string>> = { inet: '255.255.255.255', inet6: '128' };

/** The family of an address, or of a mask's text. */
export function familyOf(address: string): FamilyName {
  return address.includes(':') ? 'inet6' : 'inet';
}

/** A line with nothing but its command. */
export function newLine(command: Command, daemonState: 'master' | 'backup' = 'master'): Line {
  return {
    command,
    daemonState,
    given: new Set(),
    service: {
      protocol: undefined,
      family: 'inet',
      address: '0.0.0.0',
      port: 0,
      fwmark: 0,
      scheduler: 'wlc',
      persistent: undefined,
      netmask: HOST_MASK.inet,
      pe: '',
      ops: false,
    },
    server: {
      address: '0.0.0.0',
      port: 0,
      forward: 'route',
      weight: 1,
      uThreshold: 0,
      lThreshold: 0,
      tunType: 'ipip',
      tunPort: 0,
      tunCsum: 'nocsum',
    },
    daemon: { interface: 'eth0', syncid: 0 },
    schedFlags: '',
    timeouts: undefined,
  };
}
