/**
 * A client that opens a new connection for each request: `node http-load.js ADDRESS PORT COUNT AT_ONCE`. With COUNT 0 it goes on until SIGTERM.
 * Prints what it got as JSON ({@link Load}); a request counts only with a whole answer.
 */
import { connect } from 'node:net';

/** What requests came to. */
export interface Load {
  /** Answers by their texts. */
  readonly answers: Record<string, number>;
  failed: number;
  /** Why the first of them failed. */
  reason?: string;
  /** Longest time that a request took, ms. */
  slowest: number;
}

const [address, port, count, atOnce] = process.argv.slice(2);
/** Longest wait for one answer, ms: a lost SYN costs one second, and another two. */
const PATIENCE = 10_000;
/** Failures after which it gives up. */
const ENOUGH = 100;
const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

const load: Load = { answers: {}, failed: 0, slowest: 0 };
let left = Number(count) || Number.POSITIVE_INFINITY;

function ask(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address!, port: Number(port), noDelay: true });
    let text = '';
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')));
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(REQUEST));
    socket.on('data', (part: string) => {
      text += part;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', body = ''] = text.split('\r\n\r\n');
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
      if (head.startsWith('HTTP/1.1 200 ') && body.length === length) resolve(body.trim());
      else reject(new Error(`an answer cut short: ${JSON.stringify(text.slice(0, 80))}`));
    });
  });
}

async function work(): Promise<void> {
  while (left-- > 0) {
    const start = performance.now();
    try {
      const who = await ask();
      load.answers[who] = (load.answers[who] ?? 0) + 1;
    } catch (error) {
      load.reason ??= String(error);
      // nobody is there: no reason to keep the machine busy
      if (++load.failed >= ENOUGH) left = 0;
    }
    load.slowest = Math.max(load.slowest, Math.round(performance.now() - start));
  }
}

process.on('SIGTERM', () => {
  left = 0;
});
await Promise.all(Array.from({ length: Number(atOnce) }, work));
process.stdout.write(JSON.stringify(load));
