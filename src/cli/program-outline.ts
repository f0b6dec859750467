/** What a program's command line consists of, as plain data: for completion and manual pages. */
import type { Command } from 'commander';
import { OPTIONS } from './ipvsadm/options.js';

/** An option. */
export interface OptionOutline {
  /** Its spellings, with their dashes. */
  readonly flags: readonly string[];
  /** What its value is called in help; absent when it has none. */
  readonly value?: string;
  readonly description: string;
}

/** A program, or a command of one. */
export interface ProgramOutline {
  readonly name: string;
  /** Names of its arguments, as help shows them. */
  readonly usage: string;
  readonly summary: string;
  readonly description: string;
  readonly options: readonly OptionOutline[];
  readonly commands: readonly ProgramOutline[];
}

/** The outline of a program made with commander. */
export function outlineOf(command: Command): ProgramOutline {
  const help = command.createHelp();
  return {
    name: command.name(),
    usage: command.registeredArguments
      .map((argument) => help.argumentTerm(argument))
      .map((term, i) => (command.registeredArguments[i]!.required ? `<${term}>` : `[${term}]`))
      .join(' '),
    summary: command.summary() || command.description(),
    description: command.description() || command.summary(),
    options: help.visibleOptions(command).map((option) => {
      const value = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1];
      return {
        flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
        description: option.description,
        ...(value !== undefined && { value }),
      };
    }),
    commands: help.visibleCommands(command).map(outlineOf),
  };
}

/** The outline of our ipvsadm. Its options say nothing of themselves here; its help does. */
export function ipvsadmOutline(): ProgramOutline {
  return {
    name: 'ipvsadm',
    usage: '',
    summary: 'manage virtual services and real servers',
    description: 'Manage virtual services and real servers.',
    options: OPTIONS.map(({ short, long, value }) => ({
      flags: [...(short === undefined ? [] : [`-${short}`]), ...(long === undefined ? [] : [`--${long}`])],
      description: '',
      ...(value !== 'none' && { value: 'value' }),
    })),
    commands: [],
  };
}
