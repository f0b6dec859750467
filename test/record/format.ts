/** The files of the recorder: a scenario, and what a real kernel made of it. docs/recording.md describes both. */

import type { Topology } from '../../src/datapath/scenario/topology.js';

/** An event of a scenario; exactly one of the keys beside `at` and the notes says what happens. */
export interface ScenarioEvent {
  /** Seconds after the rules were loaded. */
  at: number;
  /** A raw IP packet in hex, put on the wire by `from`. */
  packet?: string;
  /** A host of the topology: `client`, `rs1`..`rs9` or `world` in the standard one. */
  from?: string;
  /** Firewall mark the packet gets when it enters. */
  mark?: number;
  /** The sender vouches for the transport checksum, which is still to be completed. */
  offload?: boolean;
  /** Arguments for ipvsadm, as a shell would split them. */
  ipvsadm?: string;
  /** Standard input for `ipvsadm`. */
  stdin?: string;
  /** Sysctls below net.ipv4.vs, or with dots below net. */
  sysctl?: Record<string, number | string>;
  /** A command in the director's namespace. */
  shell?: string;
  /** Commands whose output is kept. */
  dump?: string[];
  /** A datagram that a UDP client on the director itself sends. */
  localsend?: LocalSend;
  /** For people. */
  info?: string;
  /** For people. */
  note?: string;
}

/** What {@link ScenarioEvent.localsend} sends, from where to where. */
export interface LocalSend {
  addr: string;
  port: number;
  to: string;
  toport: number;
  hex: string;
}

/** A scenario file. */
export interface Scenario {
  name: string;
  category: string;
  /** What it shows, for people. */
  about: string;
  sysctl?: Record<string, number | string>;
  /** Commands in the director's namespace, before the rules. */
  setup?: string[];
  /** The surroundings; the standard topology when left out. */
  topology?: Topology;
  /** UDP echo servers on the director. */
  listen?: { addr: string; port: number }[];
  /** Arguments for ipvsadm, loaded at 0. */
  rules: string[];
  events: ScenarioEvent[];
  /** Seconds to go on watching after the last event. */
  linger?: number;
  /** The kernel leaks when it is played: it comes at the end of a batch. */
  last?: boolean;
  /** Its result is statistical. */
  random?: boolean;
  /** net.ipv4.vs.debug_level, which only the first namespace has. */
  debug_level?: number;
}

/** A packet that left the director. */
export interface Emitted {
  /** Index of the event that caused it; null when none did. */
  event: number | null;
  /** Whose MAC address the frame had. */
  to: string;
  /** The side of the director that it left by: `client` or `server` in the standard topology. */
  side: string;
  mac: string;
  /** The IP packet. */
  hex: string;
  /** With `event` null: the event before. */
  after?: number | null;
}

/** How a command ended. */
export interface CommandResult {
  rc: number;
  stderr: string;
  stdout?: string;
}

/** Parts of a result that differ from run to run: a list of indices, or a text when the lists differ as a whole. */
export interface Volatile {
  crash?: true;
  emitted?: string;
  /** Index of an emitted packet: offsets of the octets to ignore. */
  emitted_octets?: Record<string, number[]>;
  dumps?: number[] | string;
  dumps_normalised?: number[] | string;
  rule_results?: number[] | string;
  ipvsadm_results?: number[] | string;
  errors?: number[] | string;
}

/** What came of a scenario. */
export interface ScenarioResult {
  name: string;
  rule_results: CommandResult[];
  emitted: Emitted[];
  dumps: string[];
  /** {@link dumps}, with connection lists in an order and a form that do not depend on the run. */
  dumps_normalised: string[];
  dump_index: { event: number; cmd: string; rc: number }[];
  ipvsadm_results: (CommandResult & { event: number })[];
  errors: Record<string, unknown>[];
  localrecv: Record<string, unknown>[];
  volatile?: Volatile;
}

/** A scenario that could not be played; `crash` says why. */
export interface CrashedResult {
  name: string;
  crash: string;
}

export type AnyResult = ScenarioResult | CrashedResult;

/** True when the scenario was not played to its end. */
export function isCrash(result: AnyResult): result is CrashedResult {
  return 'crash' in result;
}
