/**
 * A client with many connections to a TCP echo: `node tcp-many.js ADDRESS PORT BUSY IDLE`. It says `ready` when all are established. BUSY of them send one
 * block after the other and compare what comes back; IDLE have sent one byte and wait. On SIGTERM the busy ones end, the idle ones send a last
 * byte, and what has become of all is printed as JSON ({@link Many}).
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What became of them. */
export interface Many {
  /** Blocks that came back whole, of each busy connection. */
  readonly blocks: readonly number[];
  /** Idle connections whose last byte came back. */
  alive: number;
  /** Connections that ended before they were to. */
  failed: number;
  /** Why the first of them did. */
  reason?: string;
}

const [address, port, busy, idle] = process.argv.slice(2);
const BLOCK = 8192;
/** Connections that are opened at once. */
const AT_ONCE = 100;

const many: Many = { blocks: [], alive: 0, failed: 0 };
let stopping = false;

async function open(): Promise<Socket> {
  const socket = connect({ host: address!, port: Number(port), noDelay: true });
  socket.on('error', (error) => fail(String(error)));
  socket.on('close', () => fail('closed'));
  await once(socket, 'connect');
  return socket;
}

function fail(reason: string): void {
  if (stopping) return;
  many.failed++;
  many.reason ??= reason;
}

/** Sends a byte and waits for it. */
async function touch(socket: Socket): Promise<void> {
  const answer = once(socket, 'data');
  socket.write('x');
  await answer;
}

function work(socket: Socket, index: number): void {
  let number = 0;
  let held = 0;
  const next = (): boolean => socket.write(Buffer.alloc(BLOCK, ++number & 255));
  socket.on('data', (data) => {
    if (data.some((byte) => byte !== (number & 255))) fail(`block ${number} came back changed`);
    held += data.length;
    if (held < BLOCK) return;
    held = 0;
    (many.blocks as number[])[index] = number;
    // many at a time would keep a small machine from everything else
    if (!stopping) setTimeout(next, 5);
  });
  next();
}

const waiting: Socket[] = [];
for (let at = 0; at < Number(idle); at += AT_ONCE) {
  const some = Array.from({ length: Math.min(AT_ONCE, Number(idle) - at) }, open);
  for (const socket of await Promise.all(some)) {
    waiting.push(socket);
    await touch(socket);
  }
}
for (let i = 0; i < Number(busy); i++) work(await open(), i);

process.on('SIGTERM', async () => {
  // a lost byte is sent again
  const late = setTimeout(() => finish(), 30_000);
  await Promise.all(
    waiting.map(async (socket) => {
      await touch(socket);
      many.alive++;
    }),
  );
  clearTimeout(late);
  finish();
});

function finish(): void {
  stopping = true;
  process.stdout.write(JSON.stringify(many), () => process.exit(0));
}
console.error('established');
