/** `ipvsd health`: how real servers are, by their checks. */
import type { Director } from '../control/command.js';
import type { HealthEntry, ServerEntry } from '../control/health-fields.js';
import { destId, serviceId } from '../control/resource-id.js';

/** Flags of the command line, as they were given. */
export interface HealthFlags {
  readonly json?: true;
  /** Only what is not as it should be. */
  readonly down?: true;
}

/** Prints the health of all checked services. @returns whether all of them reach their quorum */
export async function health(
  director: Director,
  { json, down }: HealthFlags,
  print: (line: string) => void,
): Promise<boolean> {
  const all = await director.execute('health.list', {});
  const shown = down === true ? all.flatMap(withTrouble) : all;
  if (json === true) for (const entry of shown) print(JSON.stringify(entry));
  else if (all.length === 0) print('No service has health checks.');
  else for (const line of healthLines(shown, Date.now())) print(line);
  return all.every(({ alive }) => alive);
}

function withTrouble(entry: HealthEntry): HealthEntry[] {
  const servers = entry.servers.filter(({ up }) => !up);
  return servers.length === 0 && entry.alive ? [] : [{ ...entry, servers }];
}

/** As lines for people. @param now ms since 1970 */
export function healthLines(entries: readonly HealthEntry[], now: number): string[] {
  const lines: string[] = [];
  for (const { service, health: spec, alive, servers } of entries) {
    const { sorryServer, quorum } = spec;
    const sorry = alive || sorryServer === undefined ? '' : `: ${destId(sorryServer)} takes over`;
    lines.push(`${serviceId(service)}  quorum ${quorum} ${alive ? 'reached' : `lost${sorry}`}`);
    const rows = servers.map((server) => cells(server, now));
    const widths = [0, 1, 2, 3].map((i) => Math.max(0, ...rows.map((row) => row[i]!.length)));
    for (const row of rows) {
      const text = row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ');
      lines.push(`  ${text.trimEnd()}`);
    }
  }
  return lines;
}

function cells({ dest, weight, up, since, checks }: ServerEntry, now: number): string[] {
  const inForce =
    weight === undefined ? 'removed' : weight === dest.weight ? `${weight}` : `${weight} of ${dest.weight}`;
  const said = checks.map(({ type, up: good, reason, took }) => {
    const text = reason ?? (took === undefined ? 'not asked yet' : `${took} ms`);
    return `${type} ${good || reason === undefined ? '' : 'down, '}${text}`;
  });
  return [
    destId(dest),
    up ? 'up' : 'DOWN',
    span(now - Date.parse(since)),
    `weight ${inForce}`,
    said.join('; ') || 'not checked',
  ];
}

/** A time as its largest unit. */
function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
