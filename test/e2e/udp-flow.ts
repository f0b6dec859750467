/**
 * A UDP client with one socket: `node udp-flow.js ADDRESS PORT COUNT GAP [PATIENCE]` asks COUNT times, or until SIGTERM, GAP ms after each answer, or PATIENCE
 * ms (5000) without one, and prints who answered how often, as JSON; `ready` before the first question.
 */
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';

const [address, port, count, gap, patience = '5000'] = process.argv.slice(2);
let ending = false;
process.on('SIGTERM', () => {
  ending = true;
});

const socket = createSocket(address!.includes(':') ? 'udp6' : 'udp4');
let answered: (who: string) => void = () => {};
socket.on('message', (message) => answered(message.toString().split(' ')[0]!));
socket.on('error', () => {});
// a real server that is gone may be reported by ICMP: it is asked again all the same
await new Promise<void>((resolve) => socket.connect(Number(port), address, resolve));
console.log('ready');
const answers: Record<string, number> = {};
for (let i = 0; i < Number(count) && !ending; i++) {
  const who = await new Promise<string>((resolve) => {
    const timer = setTimeout(() => resolve('nobody'), Number(patience));
    answered = (name) => {
      clearTimeout(timer);
      resolve(name);
    };
    socket.send(`number ${i}`, () => {});
  });
  answers[who] = (answers[who] ?? 0) + 1;
  if (Number(gap) > 0) await sleep(Number(gap));
}
socket.close();
console.log(JSON.stringify(answers));
