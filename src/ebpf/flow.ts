/** Flows and ways as plain data, and how they are written into the maps. Nothing here allocates: flows come by the hundred thousand a second. */
import { checksumFold, delta16, delta32 } from '../wire/checksum.js';
import { AF_INET, type Family, type InetAddr, inetBytes } from '../wire/inet.js';
import {
  FLOW,
  FLOW_ACTIONS,
  FLOW_REPORTS,
  FLOW4_KEY,
  FLOW6_KEY,
  type FlowAction,
  RESOLVED,
  TUNNEL_TYPES,
  type TunnelType,
  WAY,
} from './programs/flow-maps.js';
import { htons } from './programs/headers.js';

/** One direction of a connection. An object may be used for one flow after another. */
export interface Flow {
  family: Family;
  /** IPPROTO_TCP or IPPROTO_UDP. */
  protocol: number;
  /** The packet as it arrives: words of addresses in host order. */
  readonly source: Int32Array;
  readonly destination: Int32Array;
  sourcePort: number;
  destinationPort: number;
  action: FlowAction;
  /** NAT: what takes the place of the destination (request) or of the source (reply). */
  readonly address: Int32Array;
  /** NAT: the new port. Tunnel: the port that GUE is sent from. */
  port: number;
  /** Number of the way out. */
  way: number;
  /** Number of the counters that it adds to. */
  counter: number;
  /** Whatever the caller knows it by; 32 bits. */
  owner: number;
  /** The next packet is to be reported, whatever it is: of one that the program opens, the next after that. */
  report: boolean;
  /** The program opens it. */
  opened: boolean;
  /** Packets are reported by their numbers. */
  numbered: boolean;
  /** Of these: how many come before the first that is reported, less than 32,768, */
  tell: number;
  /** and how many lie between them, likewise; 0 when there is only one. */
  period: number;
}

/** A flow to be filled in. */
export function emptyFlow(): Flow {
  return {
    family: AF_INET,
    protocol: 0,
    source: new Int32Array(4),
    destination: new Int32Array(4),
    sourcePort: 0,
    destinationPort: 0,
    action: 'direct',
    address: new Int32Array(4),
    port: 0,
    way: 0,
    counter: 0,
    owner: 0,
    report: false,
    opened: false,
    numbered: false,
    tell: 0,
    period: 0,
  };
}

/** Writes the key of a flow at `at`, in the layout of its family's map. */
export function writeFlowKey(view: DataView, at: number, flow: Flow): void {
  const { fields } = flow.family === AF_INET ? FLOW4_KEY : FLOW6_KEY;
  writeWords(view, at + fields.source.offset, flow.source, flow.family);
  writeWords(view, at + fields.destination.offset, flow.destination, flow.family);
  fields.sourcePort.set(view, at + fields.sourcePort.offset, flow.sourcePort);
  fields.destinationPort.set(view, at + fields.destinationPort.offset, flow.destinationPort);
  fields.protocol.set(view, at + fields.protocol.offset, flow.protocol);
}

/** Writes the record of a flow at `at`, nothing counted yet. @param now CLOCK_MONOTONIC, ns. */
export function writeFlow(view: DataView, at: number, flow: Flow, now: number): void {
  const { fields } = FLOW;
  fields.packets.set(view, at + fields.packets.offset, 0);
  fields.lastUsed.set(view, at + fields.lastUsed.offset, now);
  // of another tick: the first packet says when it was
  fields.tick.set(view, at + fields.tick.offset, 0);
  fields.way.set(view, at + fields.way.offset, flow.way);
  fields.counter.set(view, at + fields.counter.offset, flow.counter);
  fields.owner.set(view, at + fields.owner.offset, flow.owner);
  fields.action.set(view, at + fields.action.offset, FLOW_ACTIONS[flow.action]);
  const later = flow.opened && flow.action !== 'natReply';
  const next = !flow.report ? 0 : later ? FLOW_REPORTS.later : FLOW_REPORTS.next;
  const numbered = flow.numbered ? FLOW_REPORTS.numbered : 0;
  fields.report.set(view, at + fields.report.offset, next | numbered);
  fields.tell.set(view, at + fields.tell.offset, flow.tell);
  fields.period.set(view, at + fields.period.offset, flow.period);
  fields.opened.set(view, at + fields.opened.offset, flow.opened ? 1 : 0);
  fields.port.set(view, at + fields.port.offset, flow.port);
  const reply = flow.action === 'natReply';
  const old = reply ? flow.source : flow.destination;
  const oldPort = reply ? flow.sourcePort : flow.destinationPort;
  let delta = 0;
  for (let i = 0; i < 4; i++) delta += delta32(old[i]!, flow.address[i]!);
  // the same sum of words in the machine's order: ones' complement sums do not mind which, if it is one
  fields.addressDelta.set(view, at + fields.addressDelta.offset, htons(checksumFold(delta)));
  const portDelta = oldPort === flow.port ? 0 : htons(checksumFold(delta16(oldPort, flow.port)));
  fields.portDelta.set(view, at + fields.portDelta.offset, portDelta);
  let pseudo = flow.protocol;
  for (let i = 0; i < 4; i++) pseudo += (flow.source[i]! >>> 0) + (flow.destination[i]! >>> 0);
  fields.pseudoSum.set(view, at + fields.pseudoSum.offset, htons(checksumFold(pseudo)));
  writeWords(view, at + fields.address.offset, flow.address, flow.family);
}

/** Hardware addresses that are known to be right. */
export interface Hardware {
  /** Of the neighbour. */
  readonly destination: Uint8Array;
  /** Of our interface. */
  readonly source: Uint8Array;
  /** XDP can send by the interface, too. */
  readonly xdp: boolean;
  /** The neighbour is the peer of our interface, and tc may hand packets over to it. @default false */
  readonly peer?: boolean;
}

/** How packets leave. */
export interface Way {
  /** The neighbour that they are handed to. */
  readonly nextHop: InetAddr;
  /** 0 closes the way. */
  readonly ifindex: number;
  /** Largest packet that may take it, bytes; a tunnel's own headers are taken off already. */
  readonly mtu: number;
  readonly hardware?: Hardware | undefined;
  readonly tunnel?: Tunnel | undefined;
  /** Whatever the caller knows it by; 32 bits. @default 0 */
  readonly owner?: number;
}

/** The outer headers that a way puts in front of packets. */
export interface Tunnel {
  readonly source: InetAddr;
  readonly destination: InetAddr;
  readonly copyDf: boolean;
  readonly type: TunnelType;
  /** GUE and GRE: with a checksum. */
  readonly csum: boolean;
  /** GUE: destination port. */
  readonly port: number;
}

/** Writes the record of a way at `at`. @param valid programs may rely on its hardware addresses. */
export function writeWay(view: DataView, at: number, way: Way, valid = true): void {
  const { nextHop, ifindex, mtu, hardware, tunnel, owner = 0 } = way;
  new Uint8Array(view.buffer, view.byteOffset + at, WAY.size).fill(0);
  WAY.write(view, at, {
    family: nextHop.family,
    nextHop: padded(nextHop),
    ifindex,
    mtu,
    owner,
    ...(hardware && {
      resolved: !valid ? 0 : hardware.peer ? RESOLVED.peer : RESOLVED.link,
      xdp: valid && hardware.xdp ? 1 : 0,
      destination: hardware.destination,
      source: hardware.source,
    }),
  });
  if (tunnel === undefined) return;
  const { source, destination, copyDf, type, csum, port } = tunnel;
  WAY.write(view, at, {
    tunnelVersion: source.family === AF_INET ? 0x45 : 0x60,
    tunnelDf: copyDf ? 1 : 0,
    tunnelType: TUNNEL_TYPES[type],
    tunnelCsum: csum ? 1 : 0,
    tunnelPort: port,
    tunnelSum: htons(checksumFold(sumOf(source) + sumOf(destination))),
    tunnelSource: padded(source),
    tunnelDestination: padded(destination),
  });
}

/** Sum of an address's words. */
function sumOf({ words }: InetAddr): number {
  return words.reduce((sum, word) => sum + (word >>> 0), 0);
}

/** 16 bytes, an IPv4 address being the first four. */
function padded(addr: InetAddr): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(inetBytes(addr));
  return bytes;
}

function writeWords(view: DataView, at: number, words: Int32Array, family: Family): void {
  view.setInt32(at, words[0]!);
  if (family === AF_INET) return;
  for (let i = 1; i < 4; i++) view.setInt32(at + 4 * i, words[i]!);
}
