/** `ipvsd top` on the terminal of the process, or once into a pipe. */
import type { Director } from '../control/command.js';
import { drawTop, SORTS, type Sort, type Terminal, takeView, topLines } from './top.js';
import { UsageError } from './usage-error.js';

/** Flags of the command line, as they were given. */
export interface TopFlags {
  readonly once?: true;
  readonly sort: string;
  readonly interval: string;
  readonly servers: boolean;
}

/** Shows rates until `stop`; once when it was asked for, or when the output is no terminal. @throws UsageError */
export async function top(director: Director, flags: TopFlags, stop: AbortSignal): Promise<void> {
  if (!SORTS.includes(flags.sort as Sort)) {
    throw new UsageError(`--sort: "${flags.sort}" is none of ${SORTS.join(', ')}`);
  }
  const seconds = Number(flags.interval);
  if (!(seconds >= 0.1 && seconds <= 3600)) {
    throw new UsageError(`--interval: "${flags.interval}" is not a number of seconds (0.1..3600)`);
  }
  const layout = { sort: flags.sort as Sort, servers: flags.servers, scroll: 0 };
  if (flags.once === true || !process.stdout.isTTY) {
    for (const line of topLines(await takeView(director), layout))
      process.stdout.write(`${line.trimEnd()}\n`);
    return;
  }
  await drawTop(director, processTerminal(), layout, seconds, stop);
}

function processTerminal(): Terminal {
  const { stdin, stdout } = process;
  return {
    get rows() {
      return stdout.rows;
    },
    get columns() {
      return stdout.columns;
    },
    write: (text) => void stdout.write(text),
    onKey(pressed, stop) {
      if (!stdin.isTTY) return;
      const listen = (data: Buffer): void => pressed(data.toString());
      stdin.setRawMode(true);
      stdin.on('data', listen);
      stop.addEventListener(
        'abort',
        () => {
          stdin.off('data', listen);
          stdin.setRawMode(false);
          // it would keep the process
          stdin.pause();
        },
        { once: true },
      );
    },
  };
}
