/** What `debug_level` shows, on its way to the log: as much as a log can take. */
import type { Report } from './tun-datapath.js';

/** Lines a second at most. */
const MOST = 1000;
const SECOND = 1000;

/**
 * Writes each text as a line of the log. What is too much in a second is counted, and the number is written when the next second begins.
 * @param now milliseconds.
 */
export function debugLog(
  report: Report,
  now: () => number = () => performance.now(),
): (text: string) => void {
  let begin = Number.NEGATIVE_INFINITY;
  let lines = 0;
  return (text) => {
    const time = now();
    if (time - begin >= SECOND) {
      if (lines > MOST) report('warn', 'debug: too much to show', { lines: lines - MOST });
      begin = time;
      lines = 0;
    }
    if (++lines <= MOST) report('info', 'debug', { text });
  };
}
