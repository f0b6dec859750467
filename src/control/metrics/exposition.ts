/** Metrics as text: the Prometheus text format 0.0.4, or OpenMetrics 1.0. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Family, families } from './families.js';
import { healthFamilies } from './health-families.js';
import type { Snapshot } from './snapshot.js';

/** Which of the two formats. */
export type MetricsFormat = 'prometheus' | 'openmetrics';

/** Content types by format. */
export const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** The format that an `Accept` header asks for. */
export function formatFor(accept: string | undefined): MetricsFormat {
  return accept?.includes('application/openmetrics-text') === true ? 'openmetrics' : 'prometheus';
}

/** Characters of one piece, about: as much as is made before others have their turn. */
const PIECE = 65_536;

/** The text in pieces; between two of them the thread is free. */
export async function* exposition(
  snapshots: readonly Snapshot[],
  format: MetricsFormat,
  backends: boolean,
): AsyncGenerator<string> {
  let piece = '';
  for (const family of [...families(backends), ...healthFamilies(backends), ...processFamilies()]) {
    piece += header(family, format);
    for (const snapshot of family.once === true ? snapshots.slice(0, 1) : snapshots) {
      for (const [labels, value] of family.samples(snapshot)) {
        piece += `${family.name}${labels} ${value}\n`;
        if (piece.length < PIECE) continue;
        yield piece;
        piece = '';
        await nextTurn();
      }
    }
  }
  yield format === 'openmetrics' ? `${piece}# EOF\n` : piece;
}

/** OpenMetrics names a family of counters without the `_total` of its samples. */
function header({ name, type, help }: Family, format: MetricsFormat): string {
  const family = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
  return `# HELP ${family} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${family} ${type}\n`;
}

/** The daemon's process, with the names that all client libraries use. */
function processFamilies(): (Family & { readonly once: true })[] {
  const { user, system } = process.cpuUsage();
  const one = (name: string, type: Family['type'], help: string, value: number) => ({
    name,
    type,
    help,
    once: true as const,
    samples: () => [['', value] as const],
  });
  return [
    one(
      'process_cpu_seconds_total',
      'counter',
      'CPU time of the daemon, all threads.',
      (user + system) / 1e6,
    ),
    one(
      'process_resident_memory_bytes',
      'gauge',
      'Resident memory of the daemon.',
      process.memoryUsage.rss(),
    ),
    one(
      'process_start_time_seconds',
      'gauge',
      'Start of the daemon, seconds since 1970.',
      Math.round(Date.now() / 1000 - process.uptime()),
    ),
  ];
}
