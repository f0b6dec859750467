/** The `ipvsd` program: its command line. What a command needs is loaded when the command is given. */
import { Command, CommanderError } from 'commander';
import type { ClientDirector, ClientOptions } from '../control/client.js';
import { IpvsError } from '../errors.js';
import { addDrainCommands } from './drain-commands.js';
import type { ExecFlags } from './exec.js';
import { EXIT, exitCodeOf } from './exit-code.js';
import { addObserveCommands } from './observe-commands.js';
import type { RunFlags } from './run.js';
import { stopSignal } from './signals.js';
import { UsageError } from './usage-error.js';
import { packageVersion } from './version.js';

/** Exit codes, for help and manuals. */
export const EXIT_CODES = `
Exit codes:
  0  done                    4  another daemon serves this socket or namespace
  1  failed                  5  the configuration is malformed or refused
  2  wrong usage             6  the daemon does not answer
  3  not permitted
`;

const SOCKET = [
  '-S, --socket <path>',
  "the daemon's socket (default: $IPVSD_SOCKET or /run/ipvsd/ipvsd.sock)",
] as const;

const NETNS = [
  '-n, --netns <name>',
  'one of the network namespaces that the daemon serves (default: $IPVSD_NETNS or its first)',
] as const;

/**
 * Carries out a command line.
 * @param args without the program's name.
 * @returns the exit code.
 */
export async function main(args: readonly string[]): Promise<number> {
  // whoever reads us may have seen enough (ipvsd openapi | head)
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure),
  );
  let code: number = EXIT.ok;
  const program = ipvsd((result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // commander has printed its own errors, and help is none
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const known = error instanceof IpvsError || error instanceof UsageError;
    process.stderr.write(`ipvsd: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`);
    return error instanceof UsageError ? EXIT.usage : exitCodeOf(error);
  }
}

/** The program with all its commands. @param exit told with which code a command ends that can end in more than one. */
export function ipvsd(exit: (code: number) => void): Command {
  const program = new Command('ipvsd')
    .description('IPVS, the IP Virtual Server, without the kernel module.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'explain a command')
    .showHelpAfterError('(ipvsd --help explains)')
    .exitOverride()
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
Examples:
  ipvsd run                                  balance in this network namespace
  ipvsadm -A -t 10.1.0.100:80 -s wlc         add a virtual service
  ipvsadm -a -t 10.1.0.100:80 -r 10.2.0.11:80 -m
  ipvsd proc ip_vs_stats                     counters, as the kernel prints them
  ipvsd simulate rules.json --show           try rules and packets before they are real
${EXIT_CODES}`,
    );
  addRun(program);
  addConfiguration(program);
  addSimulate(program, exit);
  addDecap(program);
  addExec(program, exit);
  addDoctor(program);
  addUpgrade(program);
  addUnpin(program);
  addViews(program);
  const around = { command, withDirector, print, exit, options: [SOCKET, NETNS] } as const;
  addObserveCommands(program, around);
  addDrainCommands(program, around);
  return program;
}

function addRun(program: Command): void {
  command(program, 'run')
    .summary('run the daemon')
    .description(
      'Run the daemon in the foreground, until SIGTERM or SIGINT. Flags go before the configuration file.',
    )
    .option(
      '-c, --config <file>',
      'configuration (YAML or JSON), read again at SIGHUP: docs/configuration.md',
    )
    .option(
      '-n, --netns <name>',
      "serve the network namespace /run/netns/NAME (default: the process's own); may be repeated",
      (name: string, before: string[] = []) => [...before, name],
    )
    .option('-S, --socket <path>', 'unix socket of the API (default: $IPVSD_SOCKET or /run/ipvsd/ipvsd.sock)')
    .option(
      '--listen <address:port>',
      'the API over TCP too; beyond loopback with TLS only: docs/threat-model.md',
    )
    .option('--token-file <file>', 'file with the token that allows everything over TCP')
    .option('--read-token-file <file>', 'file with a token that allows to read over TCP')
    .option('--tls-cert <file>', 'certificate (PEM) of the API over TCP, with its chain')
    .option('--tls-key <file>', 'its key (PEM)')
    .option('--tls-client-ca <file>', "certificates (PEM) that clients' certificates must be signed with")
    .option(
      '--datapath <name>',
      'tun: a TUN device (default); none: no packets, only control; needs no privilege',
    )
    .option('--device <name>', 'name of the TUN device (default: ipvsd0)')
    .option(
      '--fast-path <name>',
      'what carries established connections: auto (default): tc where it can; tc; none: only the engine',
    )
    .option(
      '--xdp <choice>',
      'XDP in front of tc: auto (default): at network cards that have it; native: veth too; generic; none',
    )
    .option(
      '--redirect-peer <choice>',
      'tc hands packets over to the other end of a veth: auto (default): where nobody would miss them; none',
    )
    .option('--interfaces <names>', 'where the fast path takes packets, with commas (default: all Ethernet)')
    .option(
      '--busy-poll <us>',
      'how long to look for more first packets before going to sleep, µs (default: 0, never)',
    )
    .option('--rule-priority <n>', 'priority of the first of our sixteen routing rules (default: 10)')
    .option('--table <n>', 'first of our routing tables (default: 11800)')
    .option('--pin', 'let what carries packets go on without the daemon, for the next one; implies --restore')
    .option('--restore', 'go on from the state that the last daemon has left, and leave one')
    .option('--log-level <level>', 'debug, info (default), warn or error')
    .option('--log-format <format>', 'text (default) or json')
    .option('--conn-tab-bits <n>', '2^n buckets of the connection table, 8..27 (default: 12)')
    .option('--conn-limit <n>', 'connections at most; new ones beyond are refused and counted')
    .addHelpText(
      'after',
      `
Examples:
  ipvsd run --netns director --log-level debug
  ipvsd run --netns blue --netns green          ipvsadm --netns green -Ln
  ipvsd run --config /etc/ipvsd.yaml
  ipvsd run --datapath none --socket /tmp/ipvsd.sock     try the API without privilege

A configuration file:
  connLimit: 1000000
  sysctl: { expire_nodest_conn: 1 }
  services:
    - protocol: tcp
      address: 10.1.0.100
      port: 80
      scheduler: rr
      dests:
        - { address: 10.2.0.11, port: 80, forward: masq }
${EXIT_CODES}`,
    )
    .action(async (flags: RunFlags) => {
      const stop = stopSignal();
      const { run } = await import('./run.js');
      await run(flags, stop);
    });
}

function addConfiguration(program: Command): void {
  command(program, 'check <file>')
    .summary('check a configuration')
    .description('Say everything that is wrong with a configuration, with line and column. Needs no daemon.')
    .action(async (file: string) => {
      const { check } = await import('./config/check.js');
      process.stdout.write(await check(file));
    });
  command(program, 'plan <file>')
    .summary('show what applying a configuration would change')
    .description('Compare a configuration with the running daemon. Nothing is changed.')
    .option(...SOCKET)
    .action(async (file: string, options: ClientOptions) => {
      const { plan } = await import('./config/apply.js');
      await withDirector(options, async (director) => process.stdout.write(await plan(director, file)));
    });
  command(program, 'apply <file>')
    .summary('apply a configuration')
    .description(
      'Make what runs as a configuration says: all of it, or nothing when something is refused. Connections are kept.',
    )
    .option(...SOCKET)
    .action(async (file: string, options: ClientOptions) => {
      const { apply } = await import('./config/apply.js');
      await withDirector(options, async (director) => process.stdout.write(await apply(director, file)));
    });
  command(program, 'save [file]')
    .summary('write what runs as a configuration')
    .description(
      'Print what runs as a configuration, or write it to FILE: in one that is there, comments and order stay.',
    )
    .option(...SOCKET)
    .action(async (file: string | undefined, options: ClientOptions) => {
      const { savedText, saveTo } = await import('./config/save.js');
      await withDirector(options, async (director) => {
        if (file === undefined) process.stdout.write(await savedText(director));
        else await saveTo(director, file);
      });
    });
  command(program, 'convert <file>')
    .summary('turn rules of ipvsadm or keepalived into a configuration')
    .description(
      'Print the configuration that saved rules (ipvsadm -S) or the virtual servers of a keepalived.conf come to. What cannot be carried over is said on standard error, line by line.',
    )
    .option('--from <kind>', 'ipvsadm or keepalived (default: by what is in the file)')
    .action(async (file: string, { from }: { from?: string }) => {
      const { convert } = await import('./convert/convert.js');
      const { text, notes } = await convert(file, from);
      for (const note of notes) process.stderr.write(`${note}\n`);
      process.stdout.write(text);
    });
  command(program, 'schema')
    .summary('print the JSON Schema of configurations')
    .action(async () => {
      const { configSchema } = await import('../daemon/config/json-schema.js');
      print(JSON.stringify(configSchema(), null, 2));
    });
}

/** Flags of `simulate` as commander gives them. */
interface SimulateFlags {
  readonly out?: string;
  readonly show?: true;
  readonly seed: string;
  readonly debugLevel: string;
}

function addSimulate(program: Command, exit: (code: number) => void): void {
  command(program, 'simulate <files...>')
    .summary('play scenarios in virtual time')
    .description(
      'Play scenarios (rules, commands and packets at given times) against the engine, and write what came out.',
    )
    .option('-o, --out <dir>', 'write NAME.result.json into DIR instead of standard output')
    .option('--show', 'a readable account instead of JSON')
    .option('--debug-level <n>', 'show what debug_level shows as well, 0..12 (with --show)', '0')
    .option('--seed <n>', 'seed of the random numbers', '1')
    .action(async (files: string[], { out, show, ...flags }: SimulateFlags) => {
      const number = (name: 'seed' | 'debugLevel', flag: string): number => {
        if (/^\d{1,10}$/.test(flags[name])) return Number(flags[name]);
        throw new UsageError(`${flag}: "${flags[name]}" is not a whole number`);
      };
      const seed = number('seed', '--seed');
      const debugLevel = number('debugLevel', '--debug-level');
      if (debugLevel > 12) throw new UsageError(`--debug-level: ${debugLevel} is not within 0..12`);
      const { simulate } = await import('./simulate.js');
      const options = { ...(out !== undefined && { out }), show: show === true, seed, debugLevel };
      exit(await simulate(files, options));
    });
}

function addDecap(program: Command): void {
  command(program, 'decap')
    .summary('take packets out of their tunnels, on a real server')
    .description(
      'Deliver the packets inside tunnels to this host, until SIGTERM or SIGINT: for real servers whose kernel has no tunnel devices.',
    )
    .option('-n, --netns <name>', "in the network namespace /run/netns/NAME (default: the process's own)")
    .option(
      '-t, --tunnel <kinds>',
      'ipip, gre, gue, or several with commas (default: ipip, for IPv4 and IPv6 in either)',
    )
    .option('--gue-port <port>', 'UDP port of GUE (default: 6080)')
    .option('-a, --address <addresses>', 'addresses of this host that tunnels end at (default: all)')
    .option('-f, --from <addresses>', 'directors to take packets from (default: all)')
    .option('--device <name>', 'name of the TUN device (default: ipvsdecap0)')
    .addHelpText(
      'after',
      `
The virtual address is to be local to the real server, and not answered for on the network:
  ip addr add 10.1.0.100/32 dev lo
  ipvsd decap --from 10.2.0.1
${EXIT_CODES}`,
    )
    .action(async (flags: Record<string, string>) => {
      const stop = stopSignal();
      const { decap } = await import('./decap.js');
      await decap(flags, stop);
    });
}

function addUpgrade(program: Command): void {
  command(program, 'upgrade')
    .summary('put the program that is installed now in the place of the daemon')
    .description(
      'Put the program that is installed now in the place of a daemon that was run with --pin or --restore. It has the same process number and arguments, and goes on from the state.',
    )
    .option(...SOCKET)
    .action(async (options: ClientOptions) => {
      const { upgrade } = await import('./upgrade.js');
      await withDirector(options, async (director) => process.stdout.write(await upgrade(director)));
    });
}

function addUnpin(program: Command): void {
  command(program, 'unpin')
    .summary('end what a stopped daemon has left to go on')
    .description(
      'Put back what a daemon that was run with --pin has left: devices, routing rules, programs, addresses. Connections end; the state on record stays for the next daemon.',
    )
    .option('-n, --netns <name>', "in the network namespace /run/netns/NAME (default: the process's own)")
    .action(async ({ netns }: { netns?: string }) => {
      const { unpin } = await import('./unpin.js');
      await unpin(netns);
    });
}

function addExec(program: Command, exit: (code: number) => void): void {
  command(program, 'exec [program...]')
    .summary('run a program as if the kernel had IPVS')
    .description(
      'Run an unmodified program (ipvsadm, keepalived, ldirectord, a script) as if the kernel had IPVS: the daemon answers it. This process becomes the program, with its exit code.',
    )
    .passThroughOptions()
    .option(...SOCKET)
    .option(...NETNS)
    .option('--log <file>', 'append to FILE what the program is not told')
    .option('--install [service]', 'make a systemd service run so, from now on (default: keepalived)')
    .option('--root <dir>', 'install below DIR instead of /')
    .option('--dry-run', 'print what would be installed')
    .addHelpText(
      'after',
      `
Examples:
  ipvsd exec -- ipvsadm -L -n
  ipvsd exec -- keepalived --dont-fork --log-console
  ipvsd exec -- sh -c 'echo 1 > /proc/sys/net/ipv4/vs/conntrack'
  ipvsd exec --install keepalived --dry-run
${EXIT_CODES}  126  the program cannot be executed     127  it is not found
`,
    )
    .action(async (words: string[], flags: ExecFlags) => {
      const { CannotRun, exec, install } = await import('./exec.js');
      if (flags.install !== undefined) return install(flags, print);
      try {
        exec(words, flags);
      } catch (error) {
        if (!(error instanceof CannotRun)) throw error;
        process.stderr.write(`ipvsd: exec: ${error.message}\n`);
        exit(error.exitCode);
      }
    });
}

function addDoctor(program: Command): void {
  command(program, 'doctor')
    .summary('tell what this machine offers')
    .description(
      'Tell what this machine offers, and what the daemon will use of it, by trying it out. It leaves nothing behind.',
    )
    .option('-n, --netns <name>', "in the network namespace /run/netns/NAME (default: the process's own)")
    .option('--json', 'as JSON')
    .action(async ({ netns, json }: { netns?: string; json?: true }) => {
      const { describe, doctor } = await import('./doctor.js');
      const diagnosis = doctor(netns);
      print(json ? JSON.stringify(diagnosis, null, 2) : describe(diagnosis));
    });
}

function addViews(program: Command): void {
  command(program, 'sysctl [words...]')
    .summary('show or set sysctls of net.ipv4.vs')
    .description('Show all sysctls, or one (NAME), or set one (NAME=VALUE).')
    .option(...SOCKET)
    .option(...NETNS)
    .addHelpText(
      'after',
      '\nExamples:\n  ipvsd sysctl\n  ipvsd sysctl conn_reuse_mode\n  ipvsd sysctl expire_nodest_conn=1',
    )
    .action(async (words: string[], options: ClientOptions) => {
      const { sysctl } = await import('./sysctl.js');
      await withDirector(options, (director) => sysctl(director, words, print));
    });
  command(program, 'proc <name>')
    .summary('print a file of /proc/net')
    .description(
      'Print what the kernel has in /proc/net: ip_vs, ip_vs_conn, ip_vs_conn_sync, ip_vs_stats, ip_vs_stats_percpu, ip_vs_app.',
    )
    .option(...SOCKET)
    .option(...NETNS)
    .action((name: string, options: ClientOptions) =>
      withDirector(options, async (director) =>
        process.stdout.write(await director.execute('proc', { name })),
      ),
    );
  command(program, 'netns [action] [name]')
    .summary('show, add or remove network namespaces')
    .description(
      'Show the network namespaces that the daemon serves (list), serve one more (add NAME), or one less (remove NAME).',
    )
    .option(...SOCKET)
    .addHelpText('after', '\nExamples:\n  ipvsd netns\n  ipvsd netns add blue\n  ipvsd netns remove blue')
    .action(async (action: string | undefined, name: string | undefined, options: ClientOptions) => {
      const { netns } = await import('./netns.js');
      await withDirector(options, (director) => netns(director, action, name, print));
    });
  command(program, 'openapi')
    .summary("print the API's OpenAPI document")
    .action(async () => {
      const { openApiDocument } = await import('../control/http/document.js');
      print(JSON.stringify(await openApiDocument(), null, 2));
    });
  command(program, 'completion <shell>')
    .summary('print completion for a shell')
    .description('Print completion of ipvsd and ipvsadm for bash, zsh or fish.')
    .addHelpText(
      'after',
      '\nExamples:\n  source <(ipvsd completion bash)\n  ipvsd completion fish > ~/.config/fish/completions/ipvsd.fish',
    )
    .action(async (shell: string) => {
      const { completionScript, SHELLS } = await import('./completion.js');
      const known = SHELLS.find((name) => name === shell);
      if (known === undefined) throw new UsageError(`"${shell}" is not a shell (${SHELLS.join(', ')})`);
      const { ipvsadmOutline, outlineOf } = await import('./program-outline.js');
      process.stdout.write(completionScript(known, [outlineOf(program), ipvsadmOutline()]));
    });
  command(program, 'man [page]')
    .summary('print a manual page')
    .description('Print a manual page, ipvsd (default) or ipvsadm, for man(1) to show.')
    .addHelpText(
      'after',
      '\nExamples:\n  ipvsd man | man -l -\n  ipvsd man ipvsadm > /usr/local/share/man/man8/ipvsadm.8',
    )
    .action(async (page = 'ipvsd') => {
      const { manualPages } = await import('./manual-pages.js');
      const text = manualPages(program).get(page);
      if (text === undefined) throw new UsageError(`there is no page "${page}" (ipvsd, ipvsadm)`);
      process.stdout.write(text);
    });
  command(program, 'version')
    .summary('print the version')
    .action(() => print(packageVersion()));
}

/** A subcommand that throws where commander would end the process. */
function command(program: Command, usage: string): Command {
  return program.command(usage).exitOverride().showHelpAfterError('(--help explains)');
}

async function withDirector(
  options: ClientOptions,
  use: (director: ClientDirector) => Promise<unknown>,
): Promise<void> {
  const { connectDirector } = await import('../control/client.js');
  const director = connectDirector(options);
  try {
    await use(director);
  } finally {
    director.close();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
