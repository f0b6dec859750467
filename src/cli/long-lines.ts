/**
 * What ipvsadm 1.31 makes of long lines of /proc/net/ip_vs_conn: it reads them into 256 bytes, and takes the rest of one for another
 * connection. Lines are that long by the Call-IDs of SIP. A simulation is to show what the real program shows; our own reads no such lines.
 */
import type { CapturedRun } from './ipvsadm/captured-run.js';

const TITLE = 'IPVS connection entries\n';

/** Characters of a line that are read at once. */
const READ = 255;

/** From so many characters on, what is left of a line overwrites what the program needs. */
const FATAL = 311;

/** Of what is left of a line, so much is kept as the name of a protocol. */
const PROTOCOL = 8;

/** Exit status by which a recording tells SIGSEGV. */
const KILLED = -11;

/** A list of connections as the real program would have given it. @param conns the text of /proc/net/ip_vs_conn that it was made from. */
export function withLongLines(run: CapturedRun, conns: () => string): CapturedRun {
  if (!run.stdout.startsWith(TITLE)) return run;
  const lines = conns().split('\n').slice(1, -1);
  if (lines.every((line) => line.length < READ)) return run;
  const [title = '', columns = '', ...rows] = run.stdout.split('\n').slice(0, -1);
  if (rows.length !== lines.length) return run;
  const out = [title, columns];
  for (const [i, line] of lines.entries()) {
    const row = rows[i]!;
    const rest = line.slice(READ);
    if (line.length >= FATAL) return { rc: KILLED, stdout: '', stderr: '' };
    out.push(rest !== '' && row.endsWith(rest) ? row.slice(0, -rest.length) : row);
    // an empty rest of a line ends the program
    if (line.length === READ) return { ...run, rc: 1, stdout: `${out.join('\n')}\n` };
    if (rest !== '') out.push(restRow(rest, row, line));
  }
  return { ...run, stdout: `${out.join('\n')}\n` };
}

/** The row that the rest of a line makes: the fields are the line's still, but for the protocol and the virtual port. */
function restRow(rest: string, row: string, line: string): string {
  const [, expire = '', state = '', source = '', virtual = '', dest = ''] = row.split(/ +/);
  const port = (name: string, number: number) => `${name.slice(0, name.lastIndexOf(':'))}:${number}`;
  const [, , from = '', , , , to = ''] = line.split(/ +/);
  return [
    rest.slice(0, PROTOCOL).padEnd(3),
    expire.padEnd(6),
    state.padEnd(11),
    port(source, Number.parseInt(from, 16)).padEnd(18),
    port(virtual, 0).padEnd(18),
    port(dest, Number.parseInt(to, 16)),
  ].join(' ');
}
