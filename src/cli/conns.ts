/** `ipvsd conns`: the connections, chosen by what they are. */
import type { Args, ConnEntry, Director } from '../control/command.js';
import { withField } from '../control/command-error.js';
import { readArgs } from '../control/command-table.js';
import { IpvsError } from '../errors.js';
import { UsageError } from './usage-error.js';

/** Flags of the command line, as they were given. */
export interface ConnsFlags {
  readonly protocol?: string;
  readonly state?: string;
  readonly client?: string;
  readonly virtual?: string;
  readonly dest?: string;
  readonly limit?: string;
  readonly cursor?: string;
  readonly count?: true;
  readonly json?: true;
}

const COLUMNS = ['Pro', 'Client', 'Virtual', 'Dest', 'State', 'Expires'] as const;
/** Rows whose widths make the columns' widths: those that follow go on as they come. */
const MEASURED = 1000;

/**
 * Prints connections.
 * @param print takes a line without its end.
 * @param note takes what is not part of the list.
 * @throws UsageError, and the daemon's errors.
 */
export async function conns(
  director: Director,
  flags: ConnsFlags,
  print: (line: string) => void,
  note: (line: string) => void,
): Promise<void> {
  const limit = flags.limit === undefined ? undefined : whole('--limit', flags.limit);
  const filter = filterOf(flags);
  let cursor: number | undefined = flags.cursor === undefined ? 0 : whole('--cursor', flags.cursor);
  let widths: number[] | undefined;
  let shown = 0;
  while (cursor !== undefined && (limit === undefined || shown < limit)) {
    const size = Math.min(MEASURED, limit === undefined ? MEASURED : limit - shown);
    const page: Awaited<ReturnType<typeof ask>> = await ask(director, { ...filter, cursor, limit: size });
    cursor = page.next;
    shown += page.entries.length;
    if (flags.count === true) continue;
    if (flags.json === true) {
      for (const entry of page.entries) print(JSON.stringify(entry));
      continue;
    }
    const rows = page.entries.map(cells);
    if (widths === undefined && rows.length > 0) {
      widths = COLUMNS.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
      print(line(COLUMNS, widths));
    }
    for (const row of rows) print(line(row, widths!));
  }
  if (flags.count === true) print(String(shown));
  else if (cursor !== undefined) note(`there may be more: --cursor ${cursor} goes on`);
}

function ask(director: Director, args: Args<'conn.list'>) {
  return director.execute('conn.list', args);
}

function filterOf({ protocol, state, client, virtual, dest }: ConnsFlags): Args<'conn.list'> {
  const given = Object.entries({ protocol: protocol?.toLowerCase(), state, client, virtual, dest });
  try {
    return readArgs('conn.list', Object.fromEntries(given.filter(([, value]) => value !== undefined)));
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    throw new UsageError(withField(error, `--${error.field}`).message);
  }
}

function cells(c: ConnEntry): string[] {
  return [
    c.protocol,
    endpoint(c.clientAddress, c.clientPort),
    endpoint(c.virtualAddress, c.virtualPort),
    endpoint(c.destAddress, c.destPort),
    c.state,
    String(c.expires),
  ];
}

function line(row: readonly string[], widths: readonly number[]): string {
  return row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  ');
}

function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function whole(flag: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`${flag}: "${text}" is not a whole number`);
  return Number(text);
}
