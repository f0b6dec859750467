/** What the demonstration shows. */
import type { Tally } from './client.js';

/** One row: a service and who answered for it. */
export interface Row {
  readonly family: string;
  readonly method: string;
  readonly protocol: string;
  readonly vip: string;
  readonly tally: Tally;
}

const BAR = 30;

/** A table of who served what. */
export function table(rows: readonly Row[], servers: readonly string[]): string {
  const lines = [
    `${'service'.padEnd(34)}${servers.map((s) => s.padStart(10)).join('')}${'failed'.padStart(9)}`,
  ];
  for (const { family, method, protocol, vip, tally } of rows) {
    const name = `${method.padEnd(4)}${protocol.padEnd(5)}${family} ${vip}`;
    const counts = servers.map((s) => String(tally.answers[s] ?? 0).padStart(10)).join('');
    lines.push(`${name.padEnd(34)}${counts}${String(tally.failed).padStart(9)}`);
  }
  return lines.join('\n');
}

/** A bar for each server: its share of all answers. */
export function bars(rows: readonly Row[], servers: readonly string[]): string {
  const totals = servers.map((s) => rows.reduce((sum, r) => sum + (r.tally.answers[s] ?? 0), 0));
  const most = Math.max(...totals, 1);
  return servers
    .map(
      (s, i) =>
        `${s.padEnd(10)}${'█'.repeat(Math.round((BAR * totals[i]!) / most)).padEnd(BAR)} ${totals[i]}`,
    )
    .join('\n');
}
