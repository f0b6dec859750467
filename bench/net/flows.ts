/**
 * `flows.js ADDRESS PORT COUNT RATE FIRST [FLAGS...]`: sends a packet of each of COUNT flows from number FIRST on, RATE a second; as many clients as are
 * needed, none of which exists. Datagrams, or TCP segments of the given flags (numbers), all flows' first segment first. Prints what was sent as JSON ({@link Offered}).
 */
import { Memory } from '../../src/linux/libc.js';
import { checksumUpdate, delta32 } from '../../src/wire/checksum.js';
import { tcp, udp } from '../../test/support/packets.js';
import type { Offered } from './flood.js';
import { connected, SOCK_RAW, send, usleep } from './sockets.js';

/** The first client. */
const CLIENT = '20.0.0.1';
const CLIENT_WORD = 0x1400_0001;
const FIRST_PORT = 1024;
/** Flows of one client. */
const PORTS = 50_000;
/** Microseconds. */
const PAUSE = 100;

const [address, port, count, rate, first, ...flags] = process.argv.slice(2);
const fd = connected(SOCK_RAW, address!, 0);
const start = performance.now();
let sent = 0;

for (const flag of flags.length > 0 ? flags : [undefined]) {
  const bytes =
    flag === undefined
      ? udp(CLIENT, FIRST_PORT, address!, Number(port))
      : tcp(CLIENT, FIRST_PORT, address!, Number(port), Number(flag));
  const packet = new Memory(bytes.length);
  packet.bytes.set(bytes);
  const v = new DataView(packet.bytes.buffer);
  const checkAt = flag === undefined ? 26 : 36;
  const check = v.getUint16(checkAt);
  for (let flow = Number(first); flow < Number(first) + Number(count); ) {
    if (sent > ((performance.now() - start) * Number(rate)) / 1000) {
      usleep(PAUSE);
      continue;
    }
    const source = CLIENT_WORD + Math.floor(flow / PORTS);
    const sourcePort = FIRST_PORT + (flow % PORTS);
    v.setInt32(12, source);
    v.setUint16(20, sourcePort);
    v.setUint16(
      checkAt,
      checksumUpdate(check, delta32(CLIENT_WORD, source) + delta32(FIRST_PORT, sourcePort)),
    );
    if (send(fd, packet.address, bytes.length, 0) < 0) continue;
    sent++;
    flow++;
  }
}
const result: Offered = { sent, seconds: (performance.now() - start) / 1000 };
process.stdout.write(JSON.stringify(result));
