/**
 * The client: `client.js ADDRESS COUNT` asks COUNT times by HTTP and by UDP and prints who answered, as JSON. A datagram's answer must
 * come from the address that was asked, or it is not counted.
 */
import { createSocket, type SocketType } from 'node:dgram';
import { get } from 'node:http';
import { HTTP_PORT, UDP_PORT } from './layout.js';

/** Longest wait for one answer, ms. */
const PATIENCE = 2000;

/** Answers by server, and requests that got none. */
export interface Tally {
  readonly answers: Record<string, number>;
  failed: number;
  /** Why the first of them failed. */
  reason?: string;
}

function overHttp(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port: HTTP_PORT, agent: false, timeout: PATIENCE }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
  });
}

function overUdp(host: string): Promise<string> {
  const type: SocketType = host.includes(':') ? 'udp6' : 'udp4';
  return new Promise((resolve, reject) => {
    const socket = createSocket(type);
    const timer = setTimeout(() => done(() => reject(new Error('no answer'))), PATIENCE);
    const done = (then: () => void): void => {
      clearTimeout(timer);
      socket.close();
      then();
    };
    socket.on('error', (error) => done(() => reject(error)));
    socket.on('message', (data) => done(() => resolve(data.toString())));
    // connected: the kernel throws away what another address sends
    socket.connect(UDP_PORT, host, () => socket.send('hello'));
  });
}

async function tally(count: number, ask: () => Promise<string>): Promise<Tally> {
  const result: Tally = { answers: {}, failed: 0 };
  for (let i = 0; i < count; i++) {
    try {
      const who = await ask();
      result.answers[who] = (result.answers[who] ?? 0) + 1;
    } catch (error) {
      result.failed++;
      result.reason ??= error instanceof Error ? error.message : String(error);
    }
  }
  return result;
}

const [host, count] = [process.argv[2]!, Number(process.argv[3])];
const http = await tally(count, () => overHttp(host));
const udp = await tally(count, () => overUdp(host));
process.stdout.write(JSON.stringify({ http, udp }));
