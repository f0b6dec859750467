/** The commands of `ipvsd` that only look. */
import { once } from 'node:events';
import type { Command } from 'commander';
import type { ClientDirector, ClientOptions } from '../control/client.js';
import type { ConnsFlags } from './conns.js';
import type { EventsFlags } from './events.js';
import { EXIT } from './exit-code.js';
import type { ExplainFlags } from './explain.js';
import type { LiveFlags } from './explain-live.js';
import type { HealthFlags } from './health.js';
import { stopSignal } from './signals.js';
import type { TopFlags } from './top-command.js';

/** What these commands need of the program. */
export interface Surroundings {
  /** Adds a subcommand. */
  command(program: Command, usage: string): Command;
  /** Gives `use` a director that asks the daemon. */
  withDirector(options: ClientOptions, use: (director: ClientDirector) => Promise<unknown>): Promise<void>;
  print(line: string): void;
  /** Told with which code a command ends that can end in more than one. */
  exit(code: number): void;
  /** The options that name the daemon's socket, and one of its namespaces. */
  readonly options: readonly [socket: readonly [string, string], netns: readonly [string, string]];
}

/** Adds the commands. */
export function addObserveCommands(program: Command, around: Surroundings): void {
  addExplain(program, around);
  addConns(program, around);
  addEvents(program, around);
  addTop(program, around);
  addMetrics(program, around);
  addHealth(program, around);
}

/** What is said beside the output. */
function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

function addExplain(
  program: Command,
  { command, withDirector, print, options: [socket, netns] }: Surroundings,
): void {
  command(program, 'explain [packet...]')
    .summary('say what would become of a packet')
    .description(
      'Say step by step what the director would do with a packet that came now: PROTOCOL SOURCE[:PORT] DESTINATION[:PORT], or those of a capture file. Changes nothing.',
    )
    .option('-f, --flags <flags>', 'TCP flags with commas: fin, syn (default), rst, psh, ack, urg, ece, cwr')
    .option('-m, --mark <n>', 'firewall mark (default: 0)')
    .option(
      '--hook <hook>',
      'where netfilter hands it over: input, forward or output (default: by its addresses)',
    )
    .option('--ttl <n>', 'TTL or hop limit (default: 64)')
    .option('--length <n>', 'payload bytes (default: 0)')
    .option('-r, --pcap <file>', 'the packets of a pcap or pcap-ng file')
    .option('--packet <n>', 'only packet number N of the file')
    .option(
      '--live',
      'packets as they come, until interrupted; the words are then a filter: [PROTOCOL] [ADDRESS]',
    )
    .option('-w, --write <file>', 'with --live: a pcap-ng file whose comments say what became of each packet')
    .option('--limit <n>', 'with --live: end after N packets')
    .option('--json', 'JSON, one object a line')
    .option(...socket)
    .option(...netns)
    .addHelpText(
      'after',
      `
Examples:
  ipvsd explain tcp 10.1.0.10:40000 10.1.0.100:80
  ipvsd explain tcp [fd00:1::10]:40000 [fd00:1::100]:80 --flags ack
  ipvsd explain udp 10.1.0.10:5000 10.1.0.100:53 --mark 7
  ipvsd explain --pcap trace.pcap --packet 3
  ipvsd explain --live tcp 10.1.0.100:80 --write trace.pcapng`,
    )
    .action(async (words: string[], flags: ExplainFlags & LiveFlags & ClientOptions & { live?: true }) => {
      if (flags.live === true) {
        const stop = stopSignal();
        const { explainLive } = await import('./explain-live.js');
        await withDirector(flags, (director) => explainLive(director, words, flags, print, note, stop));
        return;
      }
      const { explain } = await import('./explain.js');
      await withDirector(flags, (director) => explain(director, words, flags, print));
    });
}

function addConns(
  program: Command,
  { command, withDirector, print, options: [socket, netns] }: Surroundings,
): void {
  command(program, 'conns')
    .summary('list connections')
    .description(
      'List the connections and templates that match. Addresses may be prefixes (10.1.0.0/16), and have a port (10.1.0.10:80, [fd00::1]:80).',
    )
    .option('-p, --protocol <name>', 'tcp, udp, sctp, ah, esp, or ip for templates of firewall marks')
    .option('-s, --state <state>', 'ESTABLISHED, SYN_RECV, ...; templates are NONE or ASSURED')
    .option('-c, --client <address>', 'the client')
    .option('-v, --virtual <address>', 'the virtual address')
    .option('-d, --dest <address>', 'the real server')
    .option('-l, --limit <n>', 'connections at most')
    .option('--cursor <n>', 'go on where a list with --limit ended')
    .option('--count', 'only how many there are')
    .option('--json', 'JSON, one object a line')
    .option(...socket)
    .option(...netns)
    .addHelpText(
      'after',
      '\nExamples:\n  ipvsd conns --client 10.1.0.0/24 --state established\n  ipvsd conns --dest 10.2.0.11:80 --count\n  ipvsd conns --limit 20 --json',
    )
    .action(async (flags: ConnsFlags & ClientOptions) => {
      const { conns } = await import('./conns.js');
      await withDirector(flags, (director) => conns(director, flags, print, note));
    });
}

function addHealth(
  program: Command,
  { command, withDirector, print, exit, options: [socket, netns] }: Surroundings,
): void {
  command(program, 'health')
    .summary('show the health of real servers')
    .description(
      'Show the services whose health is checked, and of each real server: its state and since when, the weight in force, what its checks said. Exit code 1 when a service has lost its quorum.',
    )
    .option('--down', 'only servers that are down')
    .option('--json', 'JSON, one service a line')
    .option(...socket)
    .option(...netns)
    .action(async (flags: HealthFlags & ClientOptions) => {
      const { health } = await import('./health.js');
      await withDirector(flags, async (director) => {
        if (!(await health(director, flags, print))) exit(EXIT.failure);
      });
    });
}

function addMetrics(program: Command, { command, withDirector, options: [socket] }: Surroundings): void {
  command(program, 'metrics')
    .summary('print the metrics for Prometheus')
    .description('Print the metrics of all namespaces, as Prometheus gets them from /metrics.')
    .option('--no-backends', 'without those of each real server')
    .option(...socket)
    .action((flags: ClientOptions & { backends: boolean }) =>
      withDirector(flags, async (director) => {
        for await (const piece of director.get(`/metrics${flags.backends ? '' : '?backends=0'}`)) {
          if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
        }
      }),
    );
}

function addEvents(
  program: Command,
  { command, withDirector, print, options: [socket] }: Surroundings,
): void {
  command(program, 'events')
    .summary('print events as they happen')
    .description(
      'Print what happens, a JSON object a line, until interrupted: connections made and ended, changes of the configuration, real servers that go down and come back.',
    )
    .option(
      '-k, --kinds <kinds>',
      'connections, configuration, health, packets, or several with commas (default: all but packets)',
    )
    .option('-n, --netns <name>', 'only of this network namespace (default: of all)')
    .option(...socket)
    .addHelpText('after', '\nExamples:\n  ipvsd events\n  ipvsd events --kinds configuration | jq .')
    .action(async (flags: EventsFlags & ClientOptions) => {
      const stop = stopSignal();
      const { events } = await import('./events.js');
      await withDirector(flags, (director) => events(director, flags, print, stop));
    });
}

function addTop(program: Command, { command, withDirector, options: [socket, netns] }: Surroundings): void {
  command(program, 'top')
    .summary('show rates of services and servers, live')
    .description(
      'Show rates of services and real servers until q is pressed; once when the output is no terminal.',
    )
    .option('--once', 'one screen without control characters')
    .option('--sort <by>', 'cps, pps, bps, conns or name', 'cps')
    .option('-i, --interval <seconds>', 'seconds between two screens', '2')
    .option('--no-servers', 'services only')
    .option(...socket)
    .option(...netns)
    .action(async (flags: TopFlags & ClientOptions) => {
      const stop = stopSignal();
      const { top } = await import('./top-command.js');
      await withDirector(flags, (director) => top(director, flags, stop));
    });
}
