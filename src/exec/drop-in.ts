/** Drop-ins for systemd(1) units, so that a service runs under `ipvsd exec` whatever starts it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IpvsError } from '../errors.js';

/** Where units are, the most important first (systemd.unit(5)). */
const UNIT_FOLDERS = [
  'etc/systemd/system',
  'run/systemd/system',
  'usr/lib/systemd/system',
  'lib/systemd/system',
];
const FILE = 'ipvsd.conf';

/** What a drop-in is made of. */
export interface DropInOptions {
  /** Root of the file system that is changed, `/` if it is this one. */
  readonly root: string;
  /** Name of the unit, with its ending. */
  readonly unit: string;
  /** Words before the service's own command: how `ipvsd exec` is called. */
  readonly command: readonly string[];
  /** Variables that the service is to have. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A drop-in and where it belongs. */
export interface DropIn {
  readonly path: string;
  readonly text: string;
}

/**
 * The drop-in for a unit that is installed.
 * @throws BAD_CONFIG when there is no such unit, or its command cannot be wrapped.
 */
export function dropInFor({ root, unit, command, environment = {} }: DropInOptions): DropIn {
  const path = UNIT_FOLDERS.map((folder) => join(root, folder, unit)).find((file) => existsSync(file));
  if (path === undefined) throw new IpvsError('BAD_CONFIG', `no unit ${unit} below ${root}`);
  const starts = execStarts(readFileSync(path, 'utf8'));
  if (starts.length === 0) throw new IpvsError('BAD_CONFIG', `${path} has no ExecStart`);
  const lines = [
    `# ${unit} has IPVS from ipvsd. Made by "ipvsd exec --install"; remove this file to undo it.`,
    '[Unit]',
    'Wants=ipvsd.service',
    'After=ipvsd.service',
    '',
    '[Service]',
    ...Object.entries(environment).map(([name, value]) => `Environment=${quote(`${name}=${value}`)}`),
    // an empty one takes away those of the unit
    'ExecStart=',
    ...starts.map((start) => `ExecStart=${wrap(start, command, path)}`),
  ];
  return { path: join(root, 'etc/systemd/system', `${unit}.d`, FILE), text: `${lines.join('\n')}\n` };
}

/** Writes a drop-in. @throws SYSTEM */
export function writeDropIn({ path, text }: DropIn): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw new IpvsError('SYSTEM', (error as Error).message);
  }
}

/** The commands that a unit starts. */
function execStarts(unit: string): string[] {
  const lines = unit.replace(/\\\n/g, ' ').split('\n');
  const starts: string[] = [];
  let section = '';
  for (const line of lines.map((text) => text.trim())) {
    if (line.startsWith('[')) section = line;
    const value = /^ExecStart\s*=\s*(.*)$/.exec(line)?.[1];
    if (section !== '[Service]' || value === undefined) continue;
    if (value === '') starts.length = 0;
    else starts.push(value);
  }
  return starts;
}

/** Puts words before a command, and behind the signs that may begin it. */
function wrap(start: string, command: readonly string[], path: string): string {
  const [, signs, rest] = /^([-@:+!|]*)\s*(.*)$/.exec(start)!;
  if (signs!.includes('@')) throw new IpvsError('BAD_CONFIG', `${path}: ExecStart=@ cannot be wrapped`);
  return `${signs}${command.map(quote).join(' ')} ${rest}`;
}

/** A word as systemd reads it. */
function quote(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, '\\$&')}"`;
}
