/** Manual pages in man(7)'s language, from the outline of a program. */
import type { OptionOutline, ProgramOutline } from './program-outline.js';

/** What a page says beside the outline. */
export interface ManExtras {
  /** Version of the package. */
  readonly version: string;
  /** Texts with their headings, shown as they are. */
  readonly sections?: readonly (readonly [heading: string, text: string])[];
  /** Other pages. */
  readonly seeAlso: readonly string[];
}

/** The page of `program`, in section 8. */
export function manPage(program: ProgramOutline, { version, sections = [], seeAlso }: ManExtras): string {
  const { name, summary, description, options, commands } = program;
  return [
    `.TH ${name.toUpperCase()} 8 "" "ipvsd ${version}"`,
    heading('NAME'),
    `${name} \\- ${plain(summary.replace(/\.$/, ''))}`,
    heading('SYNOPSIS'),
    ...(commands.length > 0
      ? commands.map((command) => synopsis(name, command))
      : [`.B ${name}\n[\\fIoptions\\fR]`]),
    heading('DESCRIPTION'),
    plain(description),
    ...(commands.length > 0
      ? [heading('COMMANDS'), ...commands.map((command) => commandText(name, command))]
      : []),
    ...(options.some(({ description: about }) => about !== '')
      ? [heading('OPTIONS'), ...options.map(option)]
      : []),
    ...sections.map(([title, text]) => `${heading(title)}\n.nf\n${plain(text.trimEnd())}\n.fi`),
    heading('SEE ALSO'),
    seeAlso.map((page) => `.BR ${page.replace('(', ' (')}`).join(',\n'),
    '',
  ].join('\n');
}

const heading = (text: string): string => `.SH ${text}`;

function synopsis(program: string, { name, usage, options }: ProgramOutline): string {
  const rest = `${options.length > 0 ? ' [options]' : ''}${usage === '' ? '' : ` ${usage}`}`;
  return `.B ${program} ${name}\n${plain(rest.trim())}\n.br`;
}

function commandText(program: string, command: ProgramOutline): string {
  const head = `.SS ${program} ${command.name} ${plain(command.usage)}`.trimEnd();
  return [head, plain(command.description), ...command.options.map(option)].join('\n');
}

function option({ flags, value, description }: OptionOutline): string {
  const spelt = flags.map((flag) => `\\fB${plain(flag)}\\fR`).join(', ');
  return `.TP\n${spelt}${value === undefined ? '' : ` \\fI${plain(value)}\\fR`}\n${plain(description)}`;
}

/** Text that is nothing but text: no escapes, no requests at the beginning of a line. */
function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}
