/** The table of a network benchmark. */
import type { NetFigure, Target } from './benchmark.js';

const HEAD = ['', 'median', 'least', 'most', 'of direct', 'target'];

/** Shows figures, a block for each metric. */
export function netTable(title: string, figures: readonly NetFigure[]): string {
  const blocks = [...new Set(figures.map(({ metric }) => metric))].map((metric) => {
    const own = figures.filter((figure) => figure.metric === metric);
    const heading = [metric === '' ? own[0]!.unit : `${metric}, ${own[0]!.unit}`, ...HEAD.slice(1)];
    return [heading, ...own.map(row)];
  });
  const widths = HEAD.map((_, i) => Math.max(...blocks.flat().map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  return `\n${title}\n\n${blocks.map((block) => block.map(line).join('\n')).join('\n\n')}\n`;
}

function row(figure: NetFigure): string[] {
  const { path, value, least, most, ratio, target } = figure;
  return [path, amount(value), amount(least), amount(most), ratio.toFixed(2), verdict(figure, target)];
}

function amount(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : value.toPrecision(3);
}

function verdict({ value, ratio }: NetFigure, target: Target | undefined): string {
  if (target === undefined) return '';
  const met = target.of === 'direct' ? ratio >= target.value : value >= target.value;
  const wanted = target.of === 'direct' ? `${target.value} of direct` : String(target.value);
  return `${wanted}: ${met ? 'met' : 'MISSED'}`;
}
