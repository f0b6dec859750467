/** Completion of command lines in shells, from the outline of a program. */
import type { OptionOutline, ProgramOutline } from './program-outline.js';

/** Shells that completion can be made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A script for `shell` that completes commands and options of `programs`; what else there is to say, files complete. */
export function completionScript(shell: Shell, programs: readonly ProgramOutline[]): string {
  const one = { bash, zsh, fish }[shell];
  return `${programs.map(one).join('\n')}${shell === 'zsh' ? zshStart(programs) : ''}`;
}

const flagsOf = ({ options }: ProgramOutline): string[] => options.flatMap(({ flags }) => flags);

/** The words of which one may follow, by the command that was given; the key of the first is empty. */
function wordsByCommand(program: ProgramOutline): [command: string, words: string[]][] {
  return [
    ['', [...program.commands.map(({ name }) => name), ...flagsOf(program)]],
    ...program.commands.map((command): [string, string[]] => [command.name, flagsOf(command)]),
  ];
}

function bash(program: ProgramOutline): string {
  const cases = wordsByCommand(program).map(
    ([command, words]) => `    ${command || '""'}) words="${words.join(' ')}" ;;`,
  );
  return `_${program.name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${program.commands.map(({ name }) => name).join(' ')} " in *" $word "*) command="$word"; break ;; esac
  done
  case "$command" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${program.name} ${program.name}
`;
}

function zsh(program: ProgramOutline): string {
  const cases = program.commands.map(
    (command) => `    ${command.name}) _arguments${zshArguments(command.options)} '*:file:_files' ;;`,
  );
  const commands = program.commands.map(({ name, summary }) => `    ${zshQuote(`${name}:${summary}`)}`);
  if (commands.length === 0) {
    return `_${program.name}() {\n  _arguments${zshArguments(program.options)} '*:file:_files'\n}\n`;
  }
  return `_${program.name}() {
  local -a commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _arguments${zshArguments(program.options)}
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
`;
}

function zshArguments(options: readonly OptionOutline[]): string {
  return options
    .flatMap(({ flags, value, description }) =>
      flags.map((flag) => {
        const about = description.replace(/[[\]\\:]/g, '\\$&');
        return ` ${zshQuote(`${flag}[${about}]${value === undefined ? '' : `:${value}:_files`}`)}`;
      }),
    )
    .join('');
}

const zshQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function zshStart(programs: readonly ProgramOutline[]): string {
  return `${programs.map(({ name }) => `compdef _${name} ${name}`).join('\n')}\n`;
}

function fish(program: ProgramOutline): string {
  const { name } = program;
  const first = '-n __fish_use_subcommand';
  return [
    ...program.commands.map((c) => `complete -c ${name} ${first} -f -a ${c.name} -d ${fishQuote(c.summary)}`),
    ...program.options.map((o) => fishOption(name, program.commands.length > 0 ? first : '', o)),
    ...program.commands.flatMap((command) =>
      command.options.map((o) => fishOption(name, `-n '__fish_seen_subcommand_from ${command.name}'`, o)),
    ),
    '',
  ].join('\n');
}

function fishOption(
  program: string,
  condition: string,
  { flags, value, description }: OptionOutline,
): string {
  const spelt = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const about = description === '' ? '' : ` -d ${fishQuote(description)}`;
  const words = ['complete', '-c', program, condition, ...spelt, value === undefined ? '' : '-r'];
  return words.filter((word) => word !== '').join(' ') + about;
}

const fishQuote = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
