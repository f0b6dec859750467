/** `ipvsd top`: rates of services and real servers, live. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DestEntry, Director, ServiceEntry, ServicePageEntry } from '../control/command.js';
import { allServices } from '../control/metrics/snapshot.js';
import { destId, serviceId } from '../control/resource-id.js';
import type { StatsView } from '../engine/stats.js';

/** What rows are sorted by, largest first. */
export const SORTS = ['cps', 'pps', 'bps', 'conns', 'name'] as const;
export type Sort = (typeof SORTS)[number];

/** What one screen is made from. */
export interface TopView {
  readonly stats: StatsView;
  readonly counters: Readonly<Record<string, number>>;
  readonly services: readonly ServicePageEntry[];
}

/** How a screen is made. */
export interface TopLayout {
  readonly sort: Sort;
  /** With the real servers of each service. */
  readonly servers: boolean;
  /** Lines and columns there are; undefined for all. */
  readonly rows?: number;
  readonly columns?: number;
  /** Services not shown from the top on. */
  readonly scroll: number;
}

/** Asks for all that a screen shows. */
export async function takeView(director: Director): Promise<TopView> {
  const [stats, counters, services] = await Promise.all([
    director.execute('stats', {}),
    director.execute('counters', {}),
    allServices(director),
  ]);
  return { stats, counters, services };
}

/** The screen as lines. */
export function topLines(view: TopView, layout: TopLayout): string[] {
  const { stats, counters, services } = view;
  const active = sum(services, ({ activeConns }) => activeConns);
  const head = [
    `${services.length} services, ${services.reduce((n, { dests }) => n + dests.length, 0)} servers; connections ${counters.connections ?? 0} of ${counters.connLimit ?? 0}, ${active} active`,
    `${number(stats.cps)} connections/s, ${number(stats.inpps)}/${number(stats.outpps)} packets/s in/out, ${bytes(stats.inbps)}/${bytes(stats.outbps)} a second in/out`,
    '',
    row(
      'Service / server',
      'Weight',
      'Active',
      'Inactive',
      'Conn/s',
      'Pkt/s in',
      'Pkt/s out',
      'Byte/s in',
      'Byte/s out',
    ),
  ];
  const sorted = [...services].sort((a, b) =>
    compare(a.service, b.service, activeOf(a), activeOf(b), layout.sort),
  );
  const body = sorted
    .slice(layout.scroll)
    .flatMap((entry) => [
      serviceRow(entry),
      ...(layout.servers
        ? [...entry.dests]
            .sort((a, b) => compare(a, b, a.activeConns, b.activeConns, layout.sort))
            .map(serverRow)
        : []),
    ]);
  const lines = [...head, ...body];
  const fitting = layout.rows === undefined ? lines : lines.slice(0, layout.rows);
  return layout.columns === undefined ? fitting : fitting.map((line) => line.slice(0, layout.columns));
}

function compare(
  a: { readonly stats: StatsView },
  b: { readonly stats: StatsView },
  activeA: number,
  activeB: number,
  sort: Sort,
): number {
  const by: Record<Exclude<Sort, 'name'>, number> = {
    cps: b.stats.cps - a.stats.cps,
    pps: b.stats.inpps + b.stats.outpps - a.stats.inpps - a.stats.outpps,
    bps: b.stats.inbps + b.stats.outbps - a.stats.inbps - a.stats.outbps,
    conns: activeB - activeA,
  };
  // equals stay in the order of listings
  return sort === 'name' ? nameOf(a).localeCompare(nameOf(b)) : by[sort];
}

function nameOf(entry: object): string {
  return 'scheduler' in entry ? serviceId(entry as ServiceEntry) : destId(entry as DestEntry);
}

function activeOf({ dests }: ServicePageEntry): number {
  return dests.reduce((n, { activeConns }) => n + activeConns, 0);
}

function sum(services: readonly ServicePageEntry[], value: (dest: DestEntry) => number): number {
  return services.reduce((n, { dests }) => n + dests.reduce((m, dest) => m + value(dest), 0), 0);
}

function serviceRow(entry: ServicePageEntry): string {
  const { service, dests } = entry;
  const inactive = dests.reduce((n, { inactConns }) => n + inactConns, 0);
  return row(
    `${serviceId(service)} ${service.name === undefined ? '' : `${service.name} `}${service.scheduler}`,
    '',
    String(activeOf(entry)),
    String(inactive),
    ...rates(service.stats),
  );
}

function serverRow(dest: DestEntry): string {
  return row(
    `  ${destId(dest)}${dest.name === undefined ? '' : ` ${dest.name}`}`,
    String(dest.weight),
    String(dest.activeConns),
    String(dest.inactConns),
    ...rates(dest.stats),
  );
}

function rates(s: StatsView): string[] {
  return [number(s.cps), number(s.inpps), number(s.outpps), bytes(s.inbps), bytes(s.outbps)];
}

function row(name: string, ...cells: readonly string[]): string {
  return `${name.padEnd(36)} ${cells.map((cell) => cell.padStart(10)).join(' ')}`;
}

const UNITS = ['', 'k', 'M', 'G', 'T'] as const;

function scaled(value: number, base: number): string {
  let unit = 0;
  let left = value;
  for (; left >= 10 * base && unit < UNITS.length - 1; unit++) left /= base;
  return `${Math.round(left)}${UNITS[unit]}`;
}

function number(value: number): string {
  return scaled(value, 1000);
}

function bytes(value: number): string {
  return `${scaled(value, 1024)}B`;
}

/** A terminal that `top` draws on; only what is needed of it. */
export interface Terminal {
  readonly rows: number;
  readonly columns: number;
  write(text: string): void;
  /** Calls with each key that is pressed until the signal is aborted. */
  onKey(pressed: (key: string) => void, stop: AbortSignal): void;
}

const CLEAR = '\x1b[H\x1b[2J';
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const KEYS: Readonly<Record<string, Sort>> = { c: 'cps', p: 'pps', b: 'bps', a: 'conns', n: 'name' };

/** Draws until `q` or `stop`. @param seconds between two screens. */
export async function drawTop(
  director: Director,
  terminal: Terminal,
  first: TopLayout,
  seconds: number,
  stop: AbortSignal,
): Promise<void> {
  const end = new AbortController();
  stop.addEventListener('abort', () => end.abort(), { once: true });
  let layout = first;
  let view: TopView | undefined;
  const draw = (): void => {
    if (view === undefined) return;
    const { rows, columns } = terminal;
    const lines = topLines(view, { ...layout, rows: rows - 1, columns });
    const keys = `sort: ${layout.sort}   c connections/s  p packets/s  b bytes/s  a active  n name  s servers  j/k scroll  q quit`;
    terminal.write(`${CLEAR}${lines.join('\r\n')}\x1b[${rows};1H${keys.slice(0, columns)}`);
  };
  terminal.onKey((key) => {
    if (key === 'q' || key === '\x03') return end.abort();
    if (key === 's') layout = { ...layout, servers: !layout.servers };
    if (key === 'j' || key === '\x1b[B')
      layout = { ...layout, scroll: Math.min(layout.scroll + 1, (view?.services.length ?? 1) - 1) };
    if (key === 'k' || key === '\x1b[A') layout = { ...layout, scroll: Math.max(layout.scroll - 1, 0) };
    const sort = KEYS[key];
    if (sort !== undefined) layout = { ...layout, sort };
    draw();
  }, end.signal);
  terminal.write(ENTER);
  try {
    while (!end.signal.aborted) {
      view = await takeView(director);
      draw();
      await sleep(seconds * 1000, undefined, { signal: end.signal }).catch(() => {});
    }
  } finally {
    terminal.write(LEAVE);
  }
}
