/** Ethernet frames of UDP datagrams, each of another flow: what a generator sends over and over. */
import { checksumUpdate, delta16 } from '../../src/wire/checksum.js';
import { concat, viewOf } from '../../test/support/bytes.js';
import { udp } from '../../test/support/packets.js';

/** Payload that makes an IPv4 frame 60 bytes long: the smallest of Ethernet, without its check sequence. */
const PAYLOAD = new Uint8Array(18);
const ETHERNET = 14;
const ETH_P_IP = [8, 0];
const ETH_P_IPV6 = [0x86, 0xdd];
const FIRST_PORT = 20_000;
/** Flows of one client's address. */
const PORTS = 16_384;
/** Offsets in the UDP header. */
const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const CHECKSUM = 6;

/** The two ends of flows; the client has as many addresses and ports as there are flows. */
export interface Ends {
  /** Hardware addresses. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  /** The client's address for flows from number `block * 16384` on. */
  readonly client: (block: number) => string;
  readonly server: string;
  readonly port: number;
}

/** Frames of `flows` flows from the clients to the server. */
export function requests(ends: Ends, flows: number): Uint8Array[] {
  return all(ends, flows, SOURCE_PORT, (client) =>
    udp(client, FIRST_PORT, ends.server, ends.port, { data: PAYLOAD }),
  );
}

/** Frames of the same flows the other way: `from` and `to` are then the server's side. */
export function answers(ends: Ends, flows: number): Uint8Array[] {
  return all(ends, flows, DESTINATION_PORT, (client) =>
    udp(ends.server, ends.port, client, FIRST_PORT, { data: PAYLOAD }),
  );
}

/** @param first the packet of a client's first flow; the others differ from it in the client's port, which lies at `portAt`. */
function all(
  { from, to, client }: Ends,
  flows: number,
  portAt: number,
  first: (client: string) => Uint8Array,
): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let model: Uint8Array = new Uint8Array();
  let header = 0;
  for (let i = 0; i < flows; i++) {
    const port = i % PORTS;
    if (port === 0) {
      const packet = first(client(i / PORTS));
      const six = packet[0]! >>> 4 === 6;
      header = ETHERNET + (six ? 40 : 20);
      model = concat(to, from, Uint8Array.from(six ? ETH_P_IPV6 : ETH_P_IP), packet);
    }
    const frame = model.slice();
    const view = viewOf(frame);
    view.setUint16(header + portAt, FIRST_PORT + port);
    const check = view.getUint16(header + CHECKSUM);
    view.setUint16(
      header + CHECKSUM,
      checksumUpdate(check, delta16(FIRST_PORT, FIRST_PORT + port)) || 0xffff,
    );
    frames.push(frame);
  }
  return frames;
}
