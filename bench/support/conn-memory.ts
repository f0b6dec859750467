/** Memory for a connection, measured in a process of its own: nothing else comes and goes in it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { IPPROTO_TCP } from '../../src/engine/flags.js';
import { EngineLoad } from './engine-load.js';

/** Bytes for each connection. */
export interface ConnMemory {
  /** Typed arrays, reserved at once for the limit. */
  readonly arrays: number;
  /** Growth of the heap. */
  readonly heap: number;
  /** Growth of the resident set. */
  readonly resident: number;
}

const SELF = fileURLToPath(import.meta.url);

/** Opens `count` connections in a new process, in a table for `limit`. */
export function connMemory(v6: boolean, count: number, limit: number): ConnMemory {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [SELF, String(v6), String(count), String(limit)],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`measuring memory failed: ${stderr}`);
  return JSON.parse(stdout) as ConnMemory;
}

if (process.argv[1] === SELF) {
  const [v6, count, limit] = [process.argv[2] === 'true', Number(process.argv[3]), Number(process.argv[4])];
  // code and buffers that any use of the engine brings along
  new EngineLoad(IPPROTO_TCP, v6, 1000, 1024).open();
  const before = process.memoryUsage();
  const load = new EngineLoad(IPPROTO_TCP, v6, count, limit);
  load.open();
  const after = process.memoryUsage();
  // the array of servers is the benchmark's own
  const own = load.flows.server.byteLength;
  const memory: ConnMemory = {
    arrays: (after.arrayBuffers - before.arrayBuffers - own) / limit,
    heap: Math.max(0, after.heapUsed - before.heapUsed) / count,
    resident: (after.rss - before.rss - own) / count,
  };
  console.log(JSON.stringify(memory));
}
