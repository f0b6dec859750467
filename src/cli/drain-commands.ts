/** The commands of `ipvsd` that drain real servers. */
import type { Command } from 'commander';
import type { ClientOptions } from '../control/client.js';
import type { DrainFlags } from './drain.js';
import type { Surroundings } from './observe-commands.js';

const SERVICE = [
  '--service <service>',
  'only of this service: its name, or an id such as tcp:10.1.0.100:80',
] as const;

/** Adds the commands. */
export function addDrainCommands(
  program: Command,
  { command, withDirector, print, options: [socket, netns] }: Surroundings,
): void {
  const note = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  command(program, 'drain [server]')
    .summary('let a real server finish what it has, then remove it')
    .description(
      'Give a real server weight 0, wait until its connections are gone or the deadline is over, and remove it. SERVER is a name, an address with port, or an address: of every service that has it. Without SERVER: those that are being drained.',
    )
    .option(...SERVICE)
    .option('--deadline <time>', 'as 90s, 5m or 1h; 0 for none (default: 30s)')
    .option('--then <end>', 'what is left then: none (default), rst or icmp: docs/draining.md')
    .option('--wait', 'until they are gone, and say how it goes')
    .option(...socket)
    .option(...netns)
    .addHelpText(
      'after',
      `
Examples:
  ipvsd drain web1 --deadline 5m --then rst --wait
  ipvsd drain 10.2.0.11:80 --service shop
  ipvsd drain`,
    )
    .action(async (word: string | undefined, flags: DrainFlags & ClientOptions) => {
      const { drain } = await import('./drain.js');
      await withDirector(flags, (director) => drain(director, word, flags, print, note));
    });
  command(program, 'undrain <server>')
    .summary('keep a real server that is being drained')
    .description('Give a real server that is being drained its weight back.')
    .option(...SERVICE)
    .option(...socket)
    .option(...netns)
    .action(async (word: string, flags: DrainFlags & ClientOptions) => {
      const { undrain } = await import('./drain.js');
      await withDirector(flags, (director) => undrain(director, word, flags, print));
    });
}
