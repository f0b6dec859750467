/** What benchmarks leave in docs/: the figures as JSON, a picture of them, and their tables in benchmarks.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Section } from '../net/benchmark.js';
import { netTable } from '../net/report.js';
import { chart } from './chart.js';
import { type Figure, figuresTable } from './report.js';

const file = (name: string): string => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
const PAGE = file('benchmarks.md');

/** A run as it is kept. */
export interface Kept {
  /** The machine, and how thorough the run was. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Comparisons of ways, */
  readonly sections: readonly Section[];
  /** and figures that stand for themselves. */
  readonly lists?: readonly { readonly title: string; readonly figures: readonly Figure[] }[];
}

/** Writes `bench-NAME.json`, `bench-NAME.svg`, and what stands between the marks of NAME in benchmarks.md. */
export function keepInDocs(name: string, kept: Kept): void {
  writeFileSync(file(`bench-${name}.json`), `${JSON.stringify(kept, null, 1)}\n`);
  writeFileSync(file(`bench-${name}.svg`), chart(kept.sections));
  writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8'), name, kept));
}

/** The page with the tables of a run in their place. @throws when it has no such place. */
export function withTables(page: string, name: string, { about, sections, lists = [] }: Kept): string {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`benchmarks.md has no place for the tables of ${name}`);
  const facts = Object.entries(about).map(([key, value]) => `${key} ${value}`);
  const tables = [
    ...sections.map(netTable),
    ...lists.map(({ title, figures }) => figuresTable(title, figures)),
  ].join('\n');
  const block = `\n${facts.join(', ')}\n\n${tables}`.replaceAll(/^(?=.)/gm, '    ');
  return `${page.slice(0, from)}${begin}${block}\n${page.slice(to)}`;
}
