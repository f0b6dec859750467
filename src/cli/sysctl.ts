/** `ipvsd sysctl`: shows and sets the sysctls of net.ipv4.vs in the daemon. */
import type { Director } from '../control/command.js';

/** Prefix that sysctl(8) has and that may be given here too. */
const PREFIX = 'net.ipv4.vs.';

/**
 * Without words shows all; `NAME` shows one, `NAME=VALUE` sets one and shows it. In order, until one fails.
 * @param print takes a line without its end.
 */
export async function sysctl(
  director: Director,
  words: readonly string[],
  print: (line: string) => void,
): Promise<void> {
  if (words.length === 0) {
    const all = await director.execute('sysctl.list', {});
    for (const [name, value] of Object.entries(all)) print(`${PREFIX}${name} = ${value}`);
  }
  for (const word of words) {
    const [left, ...right] = word.split('=');
    const name = left!.trim().replace(/^net[./]ipv4[./]vs[./]/, '');
    if (right.length > 0) await director.execute('sysctl.set', { name, value: right.join('=').trim() });
    print(`${PREFIX}${name} = ${await director.execute('sysctl.get', { name })}`);
  }
}
