/** The JSON of scenarios and of what comes out of them. */
import { IpvsError } from '../../errors.js';
import type { Topology } from './topology.js';

/** A UDP datagram that the director itself sends; the answers are in {@link Outcome.localrecv}. */
export interface LocalSend {
  addr: string;
  port: number;
  to: string;
  toport: number;
  /** The data, hexadecimal. */
  hex: string;
}

/** Something that happens at a given time: exactly one of `packet`, `ipvsadm`, `sysctl`, `shell`, `dump`, `localsend`. */
export interface ScenarioEvent {
  /** Seconds. */
  at: number;
  /** A raw IP packet, hexadecimal. */
  packet?: string;
  /** Host that it comes from. @default `client` */
  from?: string;
  /** Firewall mark that it has at the director. */
  mark?: number;
  /** The sender's card was to complete the transport checksum. */
  offload?: boolean;
  /** Arguments of ipvsadm. */
  ipvsadm?: string;
  stdin?: string;
  sysctl?: Record<string, string | number>;
  shell?: string;
  /** Commands whose output is kept. */
  dump?: string[];
  localsend?: LocalSend;
  info?: string;
  note?: string;
}

/** A scenario. */
export interface Scenario {
  name: string;
  about?: string;
  /** Surroundings; the standard ones when left out. */
  topology?: Topology;
  sysctl: Record<string, string | number>;
  setup: string[];
  /** UDP echo servers on the director. */
  listen: { addr: string; port: number }[];
  /** Arguments of ipvsadm, at 0 s. */
  rules: string[];
  events: ScenarioEvent[];
  /** Seconds after the last event. */
  linger: number;
}

/** A packet that left the director. */
export interface EmittedPacket {
  /** Index of the event that caused it; null for what happened by itself. */
  event: number | null;
  /** Whose MAC address it had: a host's name, `mcast`, or the address. */
  to: string;
  side: string;
  mac: string;
  hex: string;
  /** With `event` null: the event before. */
  after?: number | null;
}

/** What a command ended in. */
export interface CommandResult {
  rc: number;
  stderr: string;
  stdout?: string;
}

/** What came out of a scenario. */
export interface Outcome {
  name: string;
  rule_results: CommandResult[];
  emitted: EmittedPacket[];
  dumps: string[];
  dumps_normalised: string[];
  dump_index: { event: number; cmd: string; rc: number }[];
  ipvsadm_results: ({ event: number } & CommandResult)[];
  errors: ({ event: number | null } & Record<string, unknown>)[];
  localrecv: { event: number | null; at: [string, number]; from: [string, number]; hex: string }[];
  /** What `debug_level` has shown, for people: no part of a result. */
  debug?: { event: number | null; after: number | null; text: string }[];
  /** In recorded results: what differs from run to run. A text stands for the whole list. */
  volatile?: {
    emitted?: unknown;
    emitted_octets?: Record<string, number[]>;
    dumps?: number[] | string;
    dumps_normalised?: number[] | string;
    rule_results?: number[] | string;
    ipvsadm_results?: number[] | string;
  };
}

/** What comes out of a scenario in which nothing happens. */
export function emptyOutcome(name: string): Outcome {
  return {
    name,
    rule_results: [],
    emitted: [],
    dumps: [],
    dumps_normalised: [],
    dump_index: [],
    ipvsadm_results: [],
    errors: [],
    localrecv: [],
  };
}

const KINDS = ['packet', 'ipvsadm', 'sysctl', 'shell', 'dump', 'localsend'] as const;

/**
 * Reads a scenario from its JSON value.
 * @param name used when the scenario has none.
 * @throws IpvsError `BAD_REQUEST` that names what is wrong.
 */
export function parseScenario(json: unknown, name: string): Scenario {
  const o = object(json, 'the scenario');
  const list = <T>(key: string, item: (value: unknown, field: string) => T): T[] =>
    array(o[key] ?? [], key, item);
  return {
    name: o.name === undefined ? name : text(o.name, 'name'),
    ...(o.about !== undefined && { about: text(o.about, 'about') }),
    ...(o.topology !== undefined && { topology: parseTopology(o.topology) }),
    sysctl: values(o.sysctl ?? {}, 'sysctl'),
    setup: list('setup', text),
    listen: list('listen', (value, field) => {
      const item = object(value, field);
      return { addr: text(item.addr, `${field}.addr`), port: number(item.port, `${field}.port`) };
    }),
    rules: list('rules', text),
    events: list('events', parseEvent),
    linger: number(o.linger ?? 0, 'linger'),
  };
}

function parseEvent(value: unknown, field: string): ScenarioEvent {
  const o = object(value, field);
  const kinds = KINDS.filter((kind) => o[kind] !== undefined);
  if (kinds.length !== 1) throw bad(field, `one of ${KINDS.join(', ')} is expected, found ${kinds.length}`);
  const out: ScenarioEvent = { at: number(o.at ?? 0, `${field}.at`) };
  if (o.packet !== undefined) out.packet = hex(o.packet, `${field}.packet`);
  for (const key of ['from', 'ipvsadm', 'stdin', 'shell', 'info', 'note'] as const) {
    if (o[key] !== undefined) out[key] = text(o[key], `${field}.${key}`);
  }
  if (o.mark !== undefined) out.mark = number(o.mark, `${field}.mark`);
  if (o.offload !== undefined) out.offload = o.offload === true;
  if (o.sysctl !== undefined) out.sysctl = values(o.sysctl, `${field}.sysctl`);
  if (o.dump !== undefined) out.dump = array(o.dump, `${field}.dump`, text);
  if (o.localsend !== undefined) {
    const m = object(o.localsend, `${field}.localsend`);
    out.localsend = {
      addr: text(m.addr, `${field}.localsend.addr`),
      port: number(m.port, `${field}.localsend.port`),
      to: text(m.to, `${field}.localsend.to`),
      toport: number(m.toport, `${field}.localsend.toport`),
      hex: hex(m.hex, `${field}.localsend.hex`),
    };
  }
  return out;
}

function parseTopology(value: unknown): Topology {
  const o = object(value, 'topology');
  const optional = (item: Record<string, unknown>, key: string, field: string): Record<string, string> =>
    item[key] === undefined ? {} : { [key]: text(item[key], `${field}.${key}`) };
  return {
    interfaces: array(o.interfaces ?? [], 'topology.interfaces', (v, field) => {
      const item = object(v, field);
      return {
        name: text(item.name, `${field}.name`),
        ...optional(item, 'side', field),
        ...optional(item, 'mac', field),
        ...(item.mtu !== undefined && { mtu: number(item.mtu, `${field}.mtu`) }),
        addresses: array(item.addresses ?? [], `${field}.addresses`, text),
      };
    }),
    hosts: array(o.hosts ?? [], 'topology.hosts', (v, field) => {
      const item = object(v, field);
      return {
        name: text(item.name, `${field}.name`),
        interface: text(item.interface, `${field}.interface`),
        mac: text(item.mac, `${field}.mac`),
        addresses: array(item.addresses ?? [], `${field}.addresses`, text),
      };
    }),
    routes: array(o.routes ?? [], 'topology.routes', text),
    vips: array(o.vips ?? [], 'topology.vips', text),
  };
}

const bad = (field: string, what: string): IpvsError => new IpvsError('BAD_REQUEST', what, field);

function object(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw bad(field, 'an object is expected');
  return value as Record<string, unknown>;
}

function array<T>(value: unknown, field: string, item: (value: unknown, field: string) => T): T[] {
  if (!Array.isArray(value)) throw bad(field, 'a list is expected');
  return value.map((v, i) => item(v, `${field}[${i}]`));
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string') throw bad(field, 'a text is expected');
  return value;
}

function number(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw bad(field, 'a number is expected');
  return value;
}

function hex(value: unknown, field: string): string {
  const digits = text(value, field);
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw bad(field, 'hexadecimal digits are expected, two a byte');
  return digits;
}

function values(value: unknown, field: string): Record<string, string | number> {
  const o = object(value, field);
  for (const [key, v] of Object.entries(o)) {
    if (typeof v !== 'string' && typeof v !== 'number')
      throw bad(`${field}.${key}`, 'a text or number is expected');
  }
  return o as Record<string, string | number>;
}
