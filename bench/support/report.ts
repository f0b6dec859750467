/** What benchmarks print and write. */
import { writeFileSync } from 'node:fs';

/** One measured number. */
export interface Figure {
  /** What was measured, e.g. `NAT TCP IPv4, 64 connections`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it should be: at least (rates) or at most (sizes, times), by `atMost`. */
  readonly target?: number;
  readonly atMost?: boolean;
  /** What a reader should know of it. */
  readonly note?: string;
}

/** Prints a table of figures. */
export function printFigures(title: string, figures: readonly Figure[]): void {
  console.log(`\n${figuresTable(title, figures)}`);
}

/** The table. */
export function figuresTable(title: string, figures: readonly Figure[]): string {
  const rows = figures.map((f) => [f.name, number(f.value), f.unit, target(f), f.note ?? '']);
  const head = ['', 'measured', '', 'target', ''];
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((r) => r[i]!.length)));
  const line = (r: readonly string[]) =>
    r
      .map((c, i) => (i === 1 ? c.padStart(widths[i]!) : c.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return `${title}\n\n${[head, ...rows].map(line).join('\n')}\n`;
}

/** Writes figures, with the machine they were measured on, as JSON. */
export function writeFigures(file: string, figures: readonly Figure[]): void {
  const about = { node: process.version, arch: process.arch, date: new Date().toISOString() };
  writeFileSync(file, `${JSON.stringify({ about, figures }, null, 2)}\n`);
}

function number(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value >= 100 ? value.toFixed(1) : value.toFixed(2);
}

function target({ value, target: wanted, atMost, unit }: Figure): string {
  if (wanted === undefined) return '';
  const met = atMost ? value <= wanted : value >= wanted;
  return `${atMost ? '<=' : '>='} ${wanted} ${unit}${met ? '' : '  MISSED'}`;
}
