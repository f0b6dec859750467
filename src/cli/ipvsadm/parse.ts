/** Reads a command line, up to and with the checks that need no director. */
import { type Line, newLine } from './line.js';
import type { NameResolver } from './names.js';
import { OPTIONS, type Option } from './options.js';
import { Popt, type PoptStep } from './popt.js';
import { checkCommand } from './rules.js';
import { parseSchedFlags } from './sched-flags.js';
import { failed, told, tryHelp, wrong } from './stop.js';
import { parseTimeout } from './take.js';
import { USAGE, VERSION } from './usage.js';

/** A line that was read, with its scheduler flags as the director names them. */
export interface ParsedLine extends Line {
  readonly schedFlagNames: readonly string[];
}

/**
 * Reads a command line; its first option is the command.
 * @param args the words behind the program's name.
 * @throws Stop as soon as something is wrong, or for help and version.
 */
export async function parseLine(args: readonly string[], names: NameResolver): Promise<ParsedLine> {
  const popt = new Popt(OPTIONS, args);
  const line = parseCommand(popt.next());
  for (let step = popt.next(); step !== undefined; step = popt.next()) {
    if ('problem' in step) throw failed(`${popt.word}: ${step.problem}`);
    if (step.option.command !== undefined) throw wrong(`invalid option \`${popt.word}'`);
    await takeOption(line, step.option, step.value, names);
  }
  if (line.command === 'set') line.timeouts = parseTimeouts(popt);
  const extra = popt.shiftArgument();
  if (extra !== undefined) throw wrong(`unexpected argument ${extra}`);
  const schedFlagNames = parseSchedFlags(line.schedFlags, line.service.scheduler);
  checkCommand(line.command, line.given);
  return { ...line, schedFlagNames };
}

function parseCommand(step: PoptStep<Option> | undefined): Line {
  if (step === undefined || 'problem' in step || step.option.command === undefined) throw tryHelp();
  const { command } = step.option;
  switch (command) {
    case 'help':
      throw told(USAGE);
    case 'version':
      throw told(VERSION);
    case 'start-daemon':
    case 'stop-daemon':
      if (step.value !== 'master' && step.value !== 'backup') {
        const what = command === 'start-daemon' ? 'start-daemon parameter' : 'start_daemon';
        throw wrong(`illegal ${what} specified`);
      }
      return newLine(command, step.value);
    default:
      return newLine(command);
  }
}

async function takeOption(
  line: Line,
  option: Option,
  value: string | undefined,
  names: NameResolver,
): Promise<void> {
  const { column } = option;
  if (column !== undefined) {
    if (line.given.has(column)) throw wrong(`multiple '${column}' options specified`);
    line.given.add(column);
  }
  const apply = value === undefined ? (option.applyBare ?? option.apply) : option.apply;
  await apply?.(line, value ?? '', names);
}

/** The three arguments of `--set`. */
function parseTimeouts(popt: Popt<Option>): [number, number, number] {
  const [tcp, tcpFin, udp] = [popt.shiftArgument(), popt.shiftArgument(), popt.shiftArgument()];
  if (tcp === undefined || tcpFin === undefined || udp === undefined) {
    throw wrong('--set option requires 3 timeout values');
  }
  return [parseTimeout(tcp, 0), parseTimeout(tcpFin, 0), parseTimeout(udp, 0)];
}
