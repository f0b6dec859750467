/** Frames that come to the director from the hosts of a scenario. */
import type { Link } from './fib.js';
import type { ScenarioEvent } from './format.js';
import type { FrameOptions, SimHost } from './sim-host.js';
import type { Topology } from './topology.js';

/** Offset of the transport checksum in the header of each protocol that can leave it to the card. */
const CHECKSUM_FIELD: Readonly<Record<number, number>> = { 6: 16, 17: 6, 58: 2 };
/** Ethernet header and VLAN tag: what an interface takes beyond its MTU. */
const SLACK = 4;

/**
 * Sends the packet of an event to the director.
 * @returns why it could not be sent, or undefined.
 */
export function injectPacket(host: SimHost, topology: Topology, event: ScenarioEvent): string | undefined {
  const from = topology.hosts.find((h) => h.name === (event.from ?? 'client'));
  if (from === undefined) return `no host "${event.from}"`;
  const link = host.config.link(from.interface);
  const bytes = new Uint8Array(Buffer.from(event.packet!, 'hex'));
  const spec = topology.interfaces.find((i) => i.name === link.name);
  if (bytes.length > (spec?.mtu ?? 1500)) return '[Errno 90] Message too long';
  if (bytes.length > link.mtu + SLACK || !link.up) return '[Errno 105] No buffer space available';
  host.receive(bytes, link, frameOptions(bytes, event, link, topology));
  return undefined;
}

/** Marks are set on the first interface only. */
function frameOptions(bytes: Uint8Array, event: ScenarioEvent, link: Link, topology: Topology): FrameOptions {
  const mark = link.name === topology.interfaces.find((i) => i.name !== 'lo')?.name ? (event.mark ?? 0) : 0;
  const v6 = bytes.length > 0 && bytes[0]! >>> 4 === 6;
  const start = v6 ? 40 : ((bytes[0] ?? 0) % 16) << 2;
  const offset = CHECKSUM_FIELD[bytes[v6 ? 6 : 9] ?? 0];
  if (event.offload !== true || offset === undefined || bytes.length < start + offset + 2) return { mark };
  writePseudoSum(bytes, start, start + offset, v6);
  return { mark, partial: { start, offset } };
}

/** The field holds the sum of the pseudo header, as a card is handed it. */
function writePseudoSum(bytes: Uint8Array, start: number, at: number, v6: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = (v6 ? bytes[6]! : bytes[9]!) + bytes.length - start;
  for (let o = v6 ? 8 : 12; o < (v6 ? 40 : 20); o += 2) sum += view.getUint16(o);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(at, sum);
}
