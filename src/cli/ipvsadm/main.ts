/** Entry of `bin/ipvsadm`: the program with this process around it and the daemon as its director. */
import { text } from 'node:stream/consumers';
import { connectDirector } from '../../control/client.js';
import { takeNetns } from './netns-option.js';
import { runIpvsadm } from './run.js';
import { systemNames } from './system-names.js';

/**
 * Runs ipvsadm against the daemon whose socket `$IPVSD_SOCKET` names, in the namespace that `--netns` or `$IPVSD_NETNS` names.
 * @param argv the words behind the program's name.
 * @returns the exit status.
 */
export async function main(argv: readonly string[]): Promise<number> {
  // a reader that has seen enough, such as head(1), is no failure
  process.stdout.on('error', () => process.exit(0));
  const { words, netns } = takeNetns(argv);
  const director = connectDirector(netns === undefined ? {} : { netns });
  try {
    return await runIpvsadm(
      words,
      {
        stdin: () => text(process.stdin),
        stdout: (out) => process.stdout.write(out),
        stderr: (out) => process.stderr.write(out),
        resolver: systemNames(),
      },
      director,
    );
  } finally {
    director.close();
  }
}
