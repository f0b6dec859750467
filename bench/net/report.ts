/** The table of a network benchmark. */
import type { NetFigure, Section } from './benchmark.js';

/** Shows figures, a block for each metric. */
export function netTable({ title, figures, reference }: Section): string {
  const head = ['', 'median', 'least', 'most', `of ${reference}`, 'target'];
  const blocks = [...new Set(figures.map(({ metric }) => metric))].map((metric) => {
    const own = figures.filter((figure) => figure.metric === metric);
    const heading = [metric === '' ? own[0]!.unit : `${metric}, ${own[0]!.unit}`, ...head.slice(1)];
    return [heading, ...own.map((figure) => row(figure))];
  });
  const widths = head.map((_, i) => Math.max(...blocks.flat().map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  return `${title}\n\n${blocks.map((block) => block.map(line).join('\n')).join('\n\n')}\n`;
}

function row({ path, value, least, most, ratio, target }: NetFigure): string[] {
  return [path, amount(value), amount(least), amount(most), ratio.toFixed(2), verdict(target)];
}

/** As many digits as a reader can use. */
export function amount(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : value.toPrecision(3);
}

function verdict(target: NetFigure['target']): string {
  if (target === undefined) return '';
  const { value, atMost = false, of, measured } = target;
  const met = atMost ? measured <= value : measured >= value;
  const wanted = of === undefined ? String(value) : `${value} of ${of}`;
  return `${atMost ? 'at most ' : ''}${wanted}: ${met ? 'met' : 'MISSED'}`;
}
