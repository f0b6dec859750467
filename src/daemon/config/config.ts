/** The configuration: what the daemon is started with, and what it is to have in its director. */
import { resolve } from 'node:path';
import type { ServedConfig } from '../../control/command.js';
import { servedFields } from '../../control/config-fields.js';
import { netnsName } from '../../control/fields.js';
import {
  boolean,
  described,
  integer,
  list,
  object,
  oneOf,
  oneOrMore,
  optional,
  type Shape,
  text,
  textOf,
} from '../../control/shape.js';
import {
  FAST_PATHS,
  type FastPathName,
  PEER_CHOICES,
  type PeerName,
  XDP_CHOICES,
  type XdpName,
} from '../../datapath/fast/names.js';
import { FTP_MAX_PORTS } from '../../engine/app-ftp.js';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../logger.js';

/** How packets reach the engine: through a TUN device, or not at all (control only, for trying things without privilege). */
export const DATAPATHS = ['tun', 'none'] as const;
export type DatapathName = (typeof DATAPATHS)[number];

/** What a daemon is started with. The flags of `ipvsd run` have the same names, and go before the file. */
export interface DaemonSettings {
  /** Network namespaces by their names below /run/netns, the default one first; the daemon's own when absent. */
  netns?: string[];
  /** Path of the API's unix socket. */
  socket?: string;
  /** Address and port of the API over TCP; not over TCP when absent. */
  listen?: string;
  /** File with the token that allows everything over TCP. */
  tokenFile?: string;
  /** File with the token that allows only to read. */
  readTokenFile?: string;
  /** Certificate (PEM) of the API over TCP, with its chain, and its key. */
  tlsCert?: string;
  tlsKey?: string;
  /** Certificates (PEM) of those who sign clients' certificates; clients need none when absent. */
  tlsClientCa?: string;
  datapath?: DatapathName;
  /** Name of the TUN device. */
  device?: string;
  /** Priority of the first of the sixteen routing rules that steer packets into the device. */
  rulePriority?: number;
  /** First of the routing tables that these rules use. */
  table?: number;
  /** What carries established connections. */
  fastPath?: FastPathName;
  /** Where XDP carries packets in front of tc. */
  xdp?: XdpName;
  /** Where tc hands packets over to the other end of a veth. */
  redirectPeer?: PeerName;
  /** Interfaces at which it takes packets; all Ethernet interfaces when absent. */
  interfaces?: string[];
  /** How long to look for more first packets before going to sleep, µs. */
  busyPoll?: number;
  /** Goes on from the state that the last daemon has left, and leaves its own. */
  restore?: boolean;
  /** What carries packets outlives the daemon, and the next one goes on with it; implies `restore`. */
  pin?: boolean;
  logLevel?: LogLevel;
  logFormat?: LogFormat;
  /** 2^n buckets of the connection table at the start, which it also reports (8..27). */
  connTabBits?: number;
  /** Connections at most. */
  connLimit?: number;
  /** TCP ports on which the FTP helper looks at connections, eight at most (module parameter `ports` of ip_vs_ftp). */
  ftpPorts?: number[];
  /** Modules with schedulers of the user's own; relative to the configuration file. */
  schedulers?: string[];
}

/** All that a configuration file can say. */
export type Config = DaemonSettings & ServedConfig;

/** What Linux takes as the name of an interface, and what is easy to read. */
const DEVICE = /^[A-Za-z][\w.-]{0,14}$/;

const deviceName = textOf('a device name (1..15 characters)', { pattern: DEVICE.source }, (name) =>
  DEVICE.test(name),
);

const path = text('a path', 1, 4096);

const settingFields = {
  netns: optional(
    described(oneOrMore(netnsName), 'Network namespaces to serve, by their names below /run/netns.'),
  ),
  socket: optional(described(text('a path', 1, 107), 'Unix socket of the API.')),
  listen: optional(
    described(
      text('an address and a port', 1, 64),
      'The API over TCP: 127.0.0.1:9118, [::1]:9118; other addresses need tlsCert and tlsKey.',
    ),
  ),
  tokenFile: optional(described(path, 'File with the token that allows everything over TCP.')),
  readTokenFile: optional(described(path, 'File with a token that allows to read over TCP.')),
  tlsCert: optional(described(path, 'Certificate (PEM), with its chain, of the API over TCP.')),
  tlsKey: optional(described(path, 'Its key (PEM).')),
  tlsClientCa: optional(
    described(
      path,
      "Certificates (PEM) that clients' certificates are signed with; none are asked for by default.",
    ),
  ),
  datapath: optional(
    described(
      oneOf('a data path', DATAPATHS),
      'tun: packets through a TUN device; none: no packets, only control.',
    ),
  ),
  device: optional(described(deviceName, 'Name of the TUN device.')),
  rulePriority: optional(
    described(
      integer('a rule priority', 1, 32_000),
      'Priority of the first of the sixteen routing rules that steer packets into the device.',
    ),
  ),
  table: optional(
    described(
      integer('a routing table', 1, 0x7fff_0000),
      'First of the routing tables that these rules use.',
    ),
  ),
  fastPath: optional(
    described(
      oneOf('a fast path', FAST_PATHS),
      'auto: the kernel carries established connections where it can; tc: the same, and not to start where it cannot; none.',
    ),
  ),
  xdp: optional(
    described(
      oneOf('a choice', XDP_CHOICES),
      'Where XDP carries packets in front of tc. auto: at network cards whose drivers have it; native: in all drivers that have it, also of veth; generic: everywhere, slowly; none.',
    ),
  ),
  redirectPeer: optional(
    described(
      oneOf('a choice', PEER_CHOICES),
      'Where tc hands packets over to the other end of a veth, past the end that is ours. auto: where it is the next hop, in another network namespace, and nobody would miss them; none.',
    ),
  ),
  interfaces: optional(
    described(
      list(deviceName),
      'Interfaces at which the fast path takes packets: all Ethernet interfaces by default.',
    ),
  ),
  busyPoll: optional(
    described(
      integer('a number of microseconds', 0, 1000),
      'How long to look for more first packets before going to sleep, while they follow each other so quickly; 0: never.',
    ),
  ),
  restore: optional(
    described(boolean, 'Go on from the state that the last daemon has left, and leave one: docs/restart.md.'),
  ),
  pin: optional(
    described(
      boolean,
      'What carries packets goes on while the daemon is stopped, and the next one goes on with it: docs/restart.md. Implies restore.',
    ),
  ),
  logLevel: optional(
    described(oneOf('a log level', LOG_LEVELS), 'The least important level that is logged.'),
  ),
  logFormat: optional(described(oneOf('a log format', LOG_FORMATS), 'Lines for people, or JSON.')),
  connTabBits: optional(
    described(integer('a number of bits', 8, 27), '2^n is the size of the connection table in listings.'),
  ),
  connLimit: optional(
    described(
      integer('a number of connections', 1, 2 ** 27),
      'Connections at most; new ones beyond are refused and counted.',
    ),
  ),
  ftpPorts: optional(
    described(
      list(integer('a port', 1, 65_535), FTP_MAX_PORTS),
      'TCP ports on which the FTP helper looks at connections.',
    ),
  ),
  schedulers: optional(
    described(list(path), "Modules with schedulers of the user's own; relative to this file."),
  ),
};

/** Settings of the daemon: what a running one cannot change. */
export const daemonSettings: Shape<DaemonSettings> = object(settingFields);

/** Names of these settings. */
export const SETTING_NAMES = Object.keys(settingFields) as (keyof DaemonSettings)[];

/** Settings that are files beside the configuration. */
const FILES = ['tokenFile', 'readTokenFile', 'tlsCert', 'tlsKey', 'tlsClientCa'] as const;

/** A configuration. */
export const configShape: Shape<Config> = object({ ...settingFields, ...servedFields });

/**
 * The settings of the daemon in a configuration.
 * @param folder where its file is: paths in it are meant from there.
 */
export function settingsOf(config: Config, folder: string): DaemonSettings {
  const settings: DaemonSettings = Object.fromEntries(
    Object.entries(config).filter(([name]) => Object.hasOwn(settingFields, name)),
  );
  for (const name of FILES) {
    const file = settings[name];
    if (file !== undefined) settings[name] = resolve(folder, file);
  }
  if (settings.schedulers !== undefined) {
    settings.schedulers = settings.schedulers.map((module) => resolve(folder, module));
  }
  return settings;
}
