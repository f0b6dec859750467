/**
 * The thread that all calls come to first. Nearly all of them are about files that are none of ours: those go on at once, without waking anybody
 * else. What is left is handed to the supervisor.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Memory } from '../linux/libc.js';
import { ReadPoll } from '../linux/poll.js';
import { peek } from '../linux/remote-process.js';
import { Listener, type Notification } from '../linux/seccomp.js';
import { callName, pathArgument } from './call-names.js';
import { isModprobe } from './modprobe.js';
import { LONGEST_PATH, virtualPath } from './virtual-path.js';

/** What the thread is started with. */
export interface GateOptions {
  /** The listener's descriptor. */
  readonly listener: number;
}

/** What the thread tells: a call, or that nobody is left who could make one. */
export type GateMessage = { readonly call: Uint8Array; readonly path?: string } | 'end';

const PROC = Buffer.from('/proc/');

function run(port: NonNullable<typeof parentPort>, fd: number): void {
  const listener = new Listener(fd);
  listener.preferSameCpu();
  const poll = new ReadPoll([fd]);
  const memory = new Memory(256);

  /** The path of a call, when it might be ours. */
  const pathOf = (call: Notification, argument: number, isExec: boolean): string | undefined => {
    const n = peek(call.tid, call.word(argument), memory, isExec ? 256 : LONGEST_PATH);
    if (n <= 0) return undefined;
    const bytes = memory.bytes;
    if (!isExec) for (let i = 0; i < PROC.length; i++) if (bytes[i] !== PROC[i]) return undefined;
    const end = bytes.indexOf(0);
    return end < 0 || end >= n ? undefined : Buffer.from(bytes.subarray(0, end)).toString('latin1');
  };

  for (;;) {
    poll.wait(-1);
    if (poll.hungUp(0)) break;
    const call = listener.receive();
    if (call === undefined) continue;
    const name = callName(call.nr);
    const argument = name === undefined ? undefined : pathArgument(name);
    if (argument === undefined) {
      port.postMessage({ call: call.bytes.slice() } satisfies GateMessage);
      continue;
    }
    const isExec = name === 'execve' || name === 'execveat';
    const path = pathOf(call, argument, isExec);
    const ours = path !== undefined && (isExec ? isModprobe(path) : virtualPath(path) !== undefined);
    if (ours) port.postMessage({ call: call.bytes.slice(), path } satisfies GateMessage);
    else listener.goOn(call);
  }
  port.postMessage('end' satisfies GateMessage);
}

if (parentPort !== null) run(parentPort, (workerData as GateOptions).listener);
