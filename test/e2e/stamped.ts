/**
 * Datagrams that tell when they were sent, in microseconds of CLOCK_MONOTONIC, which all namespaces of a machine share.
 *
 *   node stamped.js serve PORT             on all addresses; prints all that came, {@link Arrived}, as JSON at SIGTERM
 *   node stamped.js ask ADDRESS PORT       asks from eight ports at a time, each of them for 40 datagrams, until SIGTERM
 *
 * `ready` is printed first.
 */
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';

/** When the socket that sent it was opened, when it was sent, and when it was read, microseconds. */
export type Arrived = readonly [opened: number, sent: number, read: number];

const AT_ONCE = 8;
const DATAGRAMS = 40;
const now = (): number => Number(process.hrtime.bigint() / 1000n);

function serve(port: number): void {
  const arrived: Arrived[] = [];
  let waiting = 2;
  for (const [type, address] of [
    ['udp4', '0.0.0.0'],
    ['udp6', '::'],
  ] as const) {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    socket.on('message', (message) => {
      arrived.push([message.readDoubleLE(0), message.readDoubleLE(8), now()]);
    });
    socket.bind(port, address, () => {
      if (--waiting === 0) console.log('ready');
    });
  }
  process.on('SIGTERM', () => process.stdout.write(JSON.stringify(arrived), () => process.exit()));
}

async function ask(address: string, port: number): Promise<void> {
  let ending = false;
  process.on('SIGTERM', () => {
    ending = true;
  });
  const begin = (): { socket: Socket; opened: number; sent: number } => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    // nobody may be there
    socket.on('error', () => {});
    return { socket, opened: now(), sent: 0 };
  };
  const sockets = Array.from({ length: AT_ONCE }, begin);
  console.log('ready');
  while (!ending) {
    for (const [i, one] of sockets.entries()) {
      const datagram = Buffer.alloc(16);
      datagram.writeDoubleLE(one.opened, 0);
      datagram.writeDoubleLE(now(), 8);
      one.socket.send(datagram, port, address, () => {});
      if (++one.sent < DATAGRAMS) continue;
      one.socket.close();
      sockets[i] = begin();
    }
    await sleep(1);
  }
  for (const { socket } of sockets) socket.close();
}

const [role, ...args] = process.argv.slice(2);
if (role === 'serve') serve(Number(args[0]));
else await ask(args[0]!, Number(args[1]));
