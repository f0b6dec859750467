/** The daemon's configuration: a JSON file, overridden by the flags of `ipvsd run`, which have the same names. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { DestSpec, Director, ServiceSpec } from '../control/command.js';
import { detailOf, withField } from '../control/command-error.js';
import { destSpec, keyOf, netnsName, serviceSpec } from '../control/fields.js';
import {
  fieldIn,
  integer,
  list,
  object,
  oneOf,
  oneOrMore,
  optional,
  type Shape,
  tableOf,
  text,
  textOf,
} from '../control/shape.js';
import { FAST_PATHS, type FastPathName } from '../datapath/fast/names.js';
import { FTP_MAX_PORTS } from '../engine/app-ftp.js';
import { IpvsError } from '../errors.js';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './logger.js';

/** How packets reach the engine: through a TUN device, or not at all (control only, for trying things without privilege). */
export const DATAPATHS = ['tun', 'none'] as const;
export type DatapathName = (typeof DATAPATHS)[number];

/** A service with its real servers, as a configuration has them. */
export type ConfiguredService = ServiceSpec & { dests: DestSpec[] };

/** What can be configured. */
export interface Config {
  /** Network namespaces by their names below /run/netns, the default one first; the daemon's own when absent. */
  netns?: string[];
  /** Path of the API's unix socket. */
  socket?: string;
  datapath?: DatapathName;
  /** Name of the TUN device. */
  device?: string;
  /** Priority of the first of the sixteen routing rules that steer packets into the device. */
  rulePriority?: number;
  /** First of the routing tables that these rules use. */
  table?: number;
  /** What carries established connections. */
  fastPath?: FastPathName;
  /** Interfaces at which it takes packets; all Ethernet interfaces when absent. */
  interfaces?: string[];
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
  /** Set at start, by names below net.ipv4.vs. */
  sysctl?: Record<string, string>;
  /** Applied at start, in this order. */
  services?: ConfiguredService[];
}

/** What Linux takes as the name of an interface, and what is easy to read. */
const DEVICE = /^[A-Za-z][\w.-]{0,14}$/;

const deviceName = textOf('a device name (1..15 characters)', { pattern: DEVICE.source }, (name) =>
  DEVICE.test(name),
);

const configuredService: Shape<ConfiguredService> = {
  what: 'a service',
  schema: {
    allOf: [serviceSpec.schema, { properties: { dests: { type: 'array', items: destSpec.schema } } }],
  },
  read(value, field) {
    const { dests = [], ...rest } = isObject(value) ? value : {};
    const spec = serviceSpec.read(isObject(value) ? rest : value, field);
    return { ...spec, dests: list(destSpec).read(dests, fieldIn(field, 'dests')) };
  },
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const config: Shape<Config> = object({
  netns: optional(oneOrMore(netnsName)),
  socket: optional(text('a path', 1, 107)),
  datapath: optional(oneOf('a data path', DATAPATHS)),
  device: optional(deviceName),
  rulePriority: optional(integer('a rule priority', 1, 32_000)),
  table: optional(integer('a routing table', 1, 0x7fff_0000)),
  fastPath: optional(oneOf('a fast path', FAST_PATHS)),
  interfaces: optional(list(deviceName)),
  logLevel: optional(oneOf('a log level', LOG_LEVELS)),
  logFormat: optional(oneOf('a log format', LOG_FORMATS)),
  connTabBits: optional(integer('a number of bits', 8, 27)),
  connLimit: optional(integer('a number of connections', 1, 2 ** 27)),
  ftpPorts: optional(list(integer('a port', 1, 65_535), FTP_MAX_PORTS)),
  schedulers: optional(list(text('a path', 1, 4096))),
  sysctl: optional(tableOf(text('a sysctl value', 0, 4096))),
  services: optional(list(configuredService)),
});

/** A configuration from plain data. Throws BAD_CONFIG naming the field by its path, e.g. `services[2].dests[0].port`. */
export function readConfig(data: unknown): Config {
  return asConfigError(() => config.read(data, ''));
}

/** A configuration from the JSON file at `path`. Throws BAD_CONFIG, also when it cannot be read. */
export function readConfigFile(path: string): Config {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new IpvsError('BAD_CONFIG', `${path}: ${(error as Error).message}`);
  }
  try {
    return withPaths(readConfig(data), dirname(path));
  } catch (error) {
    throw error instanceof IpvsError ? new IpvsError('BAD_CONFIG', `${path}: ${error.message}`) : error;
  }
}

/** The paths in a file are meant from where the file is. */
function withPaths(config: Config, folder: string): Config {
  const { schedulers } = config;
  if (schedulers === undefined) return config;
  return { ...config, schedulers: schedulers.map((module) => resolve(folder, module)) };
}

function asConfigError<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof IpvsError ? withField(error, error.field, 'BAD_CONFIG') : error;
  }
}

/** Carries out what `config` has for the director. Throws BAD_CONFIG naming the entry that the director refuses. */
export async function applyConfig(director: Director, { sysctl = {}, services = [] }: Config): Promise<void> {
  for (const [name, value] of Object.entries(sysctl)) {
    await entry(`sysctl.${name}`, '', director.execute('sysctl.set', { name, value }));
  }
  for (const [i, { dests, ...service }] of services.entries()) {
    await entry(`services[${i}]`, 'service', director.execute('service.add', { service }));
    for (const [j, dest] of dests.entries()) {
      await entry(
        `services[${i}].dests[${j}]`,
        'dest',
        director.execute('dest.add', { service: keyOf(service), dest }),
      );
    }
  }
}

/** Waits for a command; its error is then about the place in the configuration that the command came from. */
async function entry(place: string, argument: string, command: Promise<unknown>): Promise<void> {
  try {
    await command;
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    const inside = error.field?.startsWith(`${argument}.`) === true ? error.field.slice(argument.length) : '';
    throw new IpvsError('BAD_CONFIG', detailOf(error), `${place}${inside}`);
  }
}
