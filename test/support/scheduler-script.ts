/** Scripts of what happens to a service. What the real kernel chose is part of a script, so that a script is a test. */
import assert from 'node:assert/strict';
import { IPPROTO_TCP, IPPROTO_UDP, SVC_F_SCHED1, SVC_F_SCHED2 } from '../../src/engine/flags.js';
import { SchedulerRegistry } from '../../src/engine/schedulers/registry.js';
import { AF_INET, AF_INET6 } from '../../src/wire/inet.js';
import { SchedulerPlay } from './scheduler-play.js';

const FLAGS: Readonly<Record<string, number>> = {
  'sh-fallback': SVC_F_SCHED1,
  'mh-fallback': SVC_F_SCHED1,
  'sh-port': SVC_F_SCHED2,
  'mh-port': SVC_F_SCHED2,
};

/**
 * Plays a script and asserts that it goes as written. Its lines:
 * `service NAME [FLAG...] [mark] [6]` begins; `add`, `edit` RS WEIGHT [UPPER-THRESHOLD]; `del` RS; `tcp`, `udp` RS...: so many new
 * connections and where they went (`-` nowhere); `fin` N: the client ends connection N; `wait` SECONDS; `forget`: all connections have ended;
 * `resched` NAME [FLAG...]: another scheduler or other flags; `sysctl` NAME SECONDS.
 */
export function assertPlays(script: string): void {
  const lines = script
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const [, name, ...options] = lines[0]!.split(' ');
  const flags = options.reduce((bits, option) => bits | (FLAGS[option] ?? 0), 0);
  const play = new SchedulerPlay(
    name!,
    flags,
    options.includes('6') ? AF_INET6 : AF_INET,
    options.includes('mark'),
  );
  const played = lines.slice(1).map((line) => playLine(play, line));
  assert.deepEqual([lines[0], ...played], lines);
}

function flagBits(options: string[]): number {
  return options.reduce((bits, option) => bits | (FLAGS[option] ?? 0), 0);
}

function playLine(play: SchedulerPlay, line: string): string {
  const [op, ...words] = line.split(' ');
  const [a = 0, b = 0, c = 0] = words.map(Number);
  switch (op) {
    case 'add':
      play.add(a, b, c);
      return line;
    case 'edit':
      play.edit(a, b, c);
      return line;
    case 'del':
      play.del(a);
      return line;
    case 'tcp':
    case 'udp': {
      const protocol = op === 'tcp' ? IPPROTO_TCP : IPPROTO_UDP;
      return [op, ...words.map(() => play.connect(protocol)?.index ?? '-')].join(' ');
    }
    case 'fin':
      play.finish(a);
      return line;
    case 'wait':
      play.wait(a);
      return line;
    case 'forget':
      play.forget();
      return line;
    case 'resched':
      play.use(new SchedulerRegistry().get(words[0]!)!, flagBits(words));
      return line;
    case 'sysctl':
      play.ctx.sysctls.set(words[0]!, b);
      return line;
    default:
      throw new Error(`no such line in a script: ${line}`);
  }
}
