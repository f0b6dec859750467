/**
 * A UDP client with many sockets: `node udp-order.js ADDRESS PORT SOCKETS COUNT`. From each it sends COUNT numbered datagrams, every third one longer than a frame, without
 * waiting for answers. It prints for each socket the numbers in the order in which the answers came, as JSON, when there are all of them or none came for five seconds.
 */
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';

const [address, port, sockets, count] = process.argv.slice(2);
const PATIENCE = 5000;
const PAUSE = 5;

const open = (): Promise<{ send: (text: string) => void; order: number[] }> =>
  new Promise((resolve) => {
    const socket = createSocket(address!.includes(':') ? 'udp6' : 'udp4');
    const order: number[] = [];
    socket.on('message', (message) => {
      order.push(Number(message.toString().split(' ')[1]));
      last = performance.now();
    });
    socket.connect(Number(port), address, () => resolve({ send: (text) => socket.send(text), order }));
  });

let last = performance.now();
const all = await Promise.all(Array.from({ length: Number(sockets) }, open));
for (let i = 0; i < Number(count); i++) {
  for (const { send } of all) send(`${i} ${'.'.repeat(i % 3 === 2 ? 3000 : 10)}`);
  await sleep(PAUSE);
}
last = performance.now();
while (all.some(({ order }) => order.length < Number(count)) && performance.now() - last < PATIENCE)
  await sleep(PAUSE);
console.log(JSON.stringify(all.map(({ order }) => order)));
process.exit(0);
