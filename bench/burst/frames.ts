/** Ethernet frames of UDP datagrams, each of another flow: what a generator sends over and over. */
import { concat } from '../../test/support/bytes.js';
import { udp } from '../../test/support/packets.js';

/** Payload that makes an IPv4 frame 60 bytes long: the smallest of Ethernet, without its check sequence. */
const PAYLOAD = new Uint8Array(18);
const HOPS = 64;
const ETH_P_IP = [8, 0];
const ETH_P_IPV6 = [0x86, 0xdd];
const FIRST_PORT = 20_000;
const PORTS = 16_384;

/** The two ends of flows; the client has as many addresses and ports as there are flows. */
export interface Ends {
  /** Hardware addresses. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  /** Address of the client of flow number `block * 16384` on, by block. */
  readonly client: (block: number) => string;
  readonly server: string;
  readonly port: number;
}

/** Frames of `flows` flows from the clients to the server. */
export function requests(ends: Ends, flows: number): Uint8Array[] {
  return Array.from({ length: flows }, (_, i) => {
    const [client, clientPort] = clientOf(ends, i);
    return frame(ends, udp(client, clientPort, ends.server, ends.port, { data: PAYLOAD, ttl: HOPS }));
  });
}

/** Frames of the same flows the other way: `from` and `to` are then the server's side. */
export function answers(ends: Ends, flows: number): Uint8Array[] {
  return Array.from({ length: flows }, (_, i) => {
    const [client, clientPort] = clientOf(ends, i);
    return frame(ends, udp(ends.server, ends.port, client, clientPort, { data: PAYLOAD, ttl: HOPS }));
  });
}

function clientOf(ends: Ends, flow: number): [string, number] {
  return [ends.client(Math.floor(flow / PORTS)), FIRST_PORT + (flow % PORTS)];
}

function frame({ from, to }: Ends, packet: Uint8Array): Uint8Array {
  const type = packet[0]! >>> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
  return concat(to, from, Uint8Array.from(type), packet);
}
