/** What metrics are made of, asked for in parts, so that packets never wait long. */
import type { ConnCount } from '../../engine/conn-count.js';
import type { StatsView } from '../../engine/stats.js';
import type { Director, ServicePageEntry } from '../command.js';
import type { HealthEntry } from '../health-fields.js';
import { healthList } from '../health-list.js';
import { serviceId } from '../resource-id.js';

/** One namespace at about one time. */
export interface Snapshot {
  /** Name of the namespace; empty for the daemon's own. */
  readonly netns: string;
  readonly stats: StatsView;
  readonly counters: Readonly<Record<string, number>>;
  readonly states: readonly ConnCount[];
  readonly services: readonly ServicePageEntry[];
  readonly health: readonly HealthEntry[];
}

/** Asks for everything. What is added meanwhile may be missing, but nothing is there twice. */
export async function takeSnapshot(director: Director, netns: string): Promise<Snapshot> {
  return {
    netns,
    stats: await director.execute('stats', {}),
    counters: await director.execute('counters', {}),
    states: await countStates(director),
    services: await allServices(director),
    health: await healthList(director),
  };
}

async function countStates(director: Director): Promise<ConnCount[]> {
  const sums = new Map<string, ConnCount>();
  for (let cursor: number | undefined = 0; cursor !== undefined; ) {
    const { counts, next }: { counts: ConnCount[]; next?: number } = await director.execute('conn.count', {
      cursor,
    });
    for (const entry of counts) {
      const key = `${entry.protocol} ${entry.state} ${entry.template}`;
      const sum = sums.get(key);
      if (sum === undefined) sums.set(key, { ...entry });
      else sum.count += entry.count;
    }
    cursor = next;
  }
  return [...sums.values()];
}

/** All services with their real servers, page by page. */
export async function allServices(director: Director): Promise<ServicePageEntry[]> {
  const found = new Map<string, ServicePageEntry>();
  for (let cursor: number | undefined = 0; cursor !== undefined; ) {
    const page: { entries: ServicePageEntry[]; next?: number } = await director.execute('service.page', {
      cursor,
    });
    for (const entry of page.entries) found.set(serviceId(entry.service), entry);
    cursor = page.next;
  }
  return [...found.values()];
}
