/**
 * The loop of the supervisor: waits for calls of programs and answers of the daemon. Nearly all calls are about files that are none of ours: those go on
 * at once, without a turn of Node's event loop, whose part poll(2) plays here.
 */
import { Memory } from '../linux/libc.js';
import { ReadPoll } from '../linux/poll.js';
import { peek } from '../linux/remote-process.js';
import type { Listener, Notification } from '../linux/seccomp.js';
import { callName, pathArgument } from './call-names.js';
import type { DaemonConnection } from './daemon-connection.js';
import { isModprobe } from './modprobe.js';
import type { Supervisor } from './supervisor.js';
import { LONGEST_PATH, virtualPath } from './virtual-path.js';

const PROC = Buffer.from('/proc/');
const memory = new Memory(256);

/**
 * Runs until no program is left.
 * @returns then.
 */
export function runLoop(listener: Listener, daemon: DaemonConnection, supervisor: Supervisor): Promise<void> {
  let poll = new ReadPoll([listener.fd]);
  let polled: number | undefined;
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      try {
        if (polled !== daemon.fd) {
          polled = daemon.fd;
          poll = new ReadPoll(polled === undefined ? [listener.fd] : [listener.fd, polled]);
        }
        for (;;) {
          poll.wait(supervisor.patience);
          if (poll.hungUp(0)) {
            resolve();
            return;
          }
          const answered = poll.count > 1 && poll.ready(1);
          // first, since it may tell that the daemon has gone
          if (answered) daemon.read();
          if (poll.ready(0)) takeCall();
          // what was begun goes on when this function has returned
          if (answered || supervisor.patience >= 0) break;
        }
      } catch (error) {
        reject(error);
        return;
      }
      setImmediate(turn);
    };
    turn();
  });

  function takeCall(): void {
    const call = listener.receive();
    if (call === undefined) return;
    const name = callName(call.nr);
    const argument = name === undefined ? undefined : pathArgument(name);
    if (argument === undefined) {
      void supervisor.handle(call.bytes.slice());
      return;
    }
    const path =
      name === 'execve' || name === 'execveat' ? programPath(call, argument) : filePath(call, argument);
    if (path === undefined) listener.goOn(call);
    else void supervisor.handle(call.bytes.slice(), path);
  }
}

/** The path of a program, if it is one that must not run. */
function programPath(call: Notification, argument: number): string | undefined {
  const path = text(peek(call.tid, call.word(argument), memory, memory.bytes.length));
  return path !== undefined && isModprobe(path) ? path : undefined;
}

/** The path of a file, if it is one of ours. */
function filePath(call: Notification, argument: number): string | undefined {
  const n = peek(call.tid, call.word(argument), memory, LONGEST_PATH);
  if (n < PROC.length) return undefined;
  for (let i = 0; i < PROC.length; i++) if (memory.bytes[i] !== PROC[i]) return undefined;
  const path = text(n);
  return path !== undefined && virtualPath(path) !== undefined ? path : undefined;
}

/** What was read up to its final 0, if that is among the first `n` bytes. */
function text(n: number): string | undefined {
  const end = memory.bytes.indexOf(0);
  return end < 0 || end >= n ? undefined : Buffer.from(memory.bytes.subarray(0, end)).toString('latin1');
}
