/** Figures as a picture: SVG, horizontal bars, a panel for each metric, a thin line from the least to the most of what was measured. */
import type { NetFigure, Section } from '../net/benchmark.js';
import { amount } from '../net/report.js';

const WIDTH = 760;
const LABELS = 170;
/** Room behind a bar for its number. */
const NUMBERS = 110;
const ROW = 22;
const BAR = 14;
const HEADING = 30;
const MARGIN = 14;
/** Names whose bars are ours. */
const OWN = /^ipvsd/;
const COLOURS = { own: '#2463a8', other: '#9aa5b1', text: '#1f2933', spread: '#1f2933', paper: '#ffffff' };

interface Panel {
  readonly heading: string;
  readonly figures: readonly NetFigure[];
}

/** Draws the sections below one another. */
export function chart(sections: readonly Section[]): string {
  const panels = sections.flatMap(panelsOf);
  const heights = panels.map(({ figures }) => HEADING + figures.length * ROW + MARGIN);
  const height = heights.reduce((sum, h) => sum + h, MARGIN);
  let y = MARGIN;
  const drawn = panels.map((panel, i) => {
    const text = draw(panel, y);
    y += heights[i]!;
    return text;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="${COLOURS.text}">
<title>${escaped(sections.map(({ title }) => title).join('; '))}</title>
<rect width="${WIDTH}" height="${height}" fill="${COLOURS.paper}"/>
${drawn.join('\n')}
</svg>
`;
}

function panelsOf({ title, figures }: Section): Panel[] {
  return [...new Set(figures.map(({ metric }) => metric))].map((metric) => {
    const own = figures.filter((figure) => figure.metric === metric);
    const what = metric === '' ? own[0]!.unit : `${metric}, ${own[0]!.unit}`;
    return { heading: `${title}: ${what}`, figures: own };
  });
}

function draw({ heading, figures }: Panel, top: number): string {
  const most = Math.max(...figures.map((figure) => figure.most), Number.MIN_VALUE);
  const x = (value: number): number =>
    round(LABELS + (Math.max(0, value) / most) * (WIDTH - LABELS - NUMBERS - MARGIN));
  const rows = figures.map((figure, i) => {
    const { path, value, least } = figure;
    const y = top + HEADING + i * ROW;
    const middle = y + BAR / 2;
    const colour = OWN.test(path) ? COLOURS.own : COLOURS.other;
    return [
      `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escaped(path)}</text>`,
      `<rect x="${LABELS}" y="${y}" width="${round(x(value) - LABELS)}" height="${BAR}" fill="${colour}"/>`,
      `<line x1="${x(least)}" x2="${x(figure.most)}" y1="${middle}" y2="${middle}" stroke="${COLOURS.spread}"/>`,
      `<text x="${x(figure.most) + 6}" y="${middle + 4}">${amount(value)} (${figure.ratio.toFixed(2)})</text>`,
    ].join('');
  });
  return `<text x="${MARGIN}" y="${top + 16}" font-weight="bold">${escaped(heading)}</text>\n${rows.join('\n')}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
