/**
 * A UDP client: `node udp-ask.js ADDRESS PORT COUNT` asks COUNT times, each time from another port, and prints who answered how often, as JSON. An
 * answer counts only from the address that was asked, and with what was sent.
 */
import { createSocket } from 'node:dgram';

const [address, port, count] = process.argv.slice(2);
/** Longest wait for one answer, ms. */
const PATIENCE = 2000;

function ask(text: string): Promise<string> {
  const socket = createSocket(address!.includes(':') ? 'udp6' : 'udp4');
  return new Promise<string>((resolve) => {
    const timer = setTimeout(() => resolve('nobody'), PATIENCE);
    socket.on('error', (error) => resolve(error.message));
    socket.on('message', (message) => {
      clearTimeout(timer);
      const [who = '', ...rest] = message.toString().split(' ');
      resolve(rest.join(' ') === text ? who : `${who}, wrongly`);
    });
    // connected: the kernel throws away what another address sends
    socket.connect(Number(port), address, () => socket.send(text));
  }).finally(() => socket.close());
}

const answers: Record<string, number> = {};
for (let i = 0; i < Number(count); i++) {
  const who = await ask(`number ${i}`);
  answers[who] = (answers[who] ?? 0) + 1;
}
process.stdout.write(JSON.stringify(answers));
