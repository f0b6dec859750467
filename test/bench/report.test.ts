import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { sections } from '../../bench/kernel/figures.js';
import type { Sample } from '../../bench/kernel/inside/task.js';
import type { NetFigure, Section } from '../../bench/net/benchmark.js';
import { netTable } from '../../bench/net/report.js';
import { chart } from '../../bench/support/chart.js';
import { type Kept, withTables } from '../../bench/support/documents.js';

const figure = (path: string, value: number, more: Partial<NetFigure> = {}): NetFigure => ({
  path,
  metric: 'rate',
  unit: 'packets/s',
  value,
  least: value - 1,
  most: value + 1,
  ratio: value / 100,
  ...more,
});

const section = (...figures: NetFigure[]): Section => ({ title: 'A & B', figures, reference: 'direct' });

describe('what benchmarks show', () => {
  test('a table says of each way how it compares, and whether it reaches its target', () => {
    const text = netTable(
      section(
        figure('direct', 100),
        figure('fast', 50, { target: { value: 0.4, of: 'direct', measured: 0.5 } }),
        figure('cheap', 60, { target: { value: 0.5, of: 'direct', atMost: true, measured: 0.6 } }),
      ),
    );
    assert.match(text, /^direct +100 +99\.0 +101 +1\.00$/m);
    assert.match(text, /^fast .* 0\.50 +0\.4 of direct: met$/m);
    assert.match(text, /^cheap .* 0\.60 +at most 0\.5 of direct: MISSED$/m);
  });

  test('a picture has a bar for each figure, the longest of which is the greatest', () => {
    const svg = chart([section(figure('direct', 100), figure('ipvsd NAT', 50))]);
    const widths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    assert.equal(widths.length, 2);
    assert.ok(Math.abs(widths[0]! / widths[1]! - 2) < 0.01);
    assert.ok(svg.includes('A &amp; B: rate, packets/s'));
    assert.equal(
      svg.match(/<(rect|line|svg|text|title)\b/g)!.length,
      svg.match(/\/>|<\/(svg|text|title)>/g)!.length,
    );
  });

  test('tables take the place of those of the run before, and nothing else of the page', () => {
    const kept: Kept = { about: { rounds: 3 }, sections: [section(figure('direct', 100))] };
    const page = 'before\n<!-- net -->\nold\n<!-- end of net -->\nafter\n';
    const once = withTables(page, 'net', kept);
    assert.match(
      once,
      /^before\n<!-- net -->\n\n {4}rounds 3\n[\s\S]* {4}direct +100 [\s\S]*<!-- end of net -->\nafter\n$/,
    );
    assert.equal(withTables(once, 'net', kept), once);
    assert.throws(() => withTables('nothing', 'net', kept), /no place/);
  });
});

describe('instructions beside the kernel', () => {
  const sample = (more: Partial<Sample>): Sample => ({
    director: 'base',
    family: 4,
    direction: 'request',
    opening: false,
    instructions: [1000],
    lost: 0,
    slow: 0,
    ...more,
  });
  const samples = ([4, 6] as const).flatMap((family) =>
    (['request', 'reply'] as const).flatMap((direction) => [
      sample({ family, direction }),
      sample({ family, direction, director: 'ipvs', method: 'NAT', instructions: [5100, 4900, 5000] }),
      sample({ family, direction, director: 'tc', method: 'NAT', instructions: [3000] }),
    ]),
  );

  test('are those above making and dropping a packet, compared with IPVS by NAT', () => {
    const [carried] = sections({ kernel: '', samples });
    const [ipvs, tc] = carried!.figures;
    assert.deepEqual([ipvs!.value, ipvs!.least, ipvs!.most, ipvs!.ratio], [4000, 3900, 4100, 1]);
    assert.deepEqual([tc!.path, tc!.value, tc!.ratio], ['ipvsd tc NAT', 2000, 0.5]);
    assert.deepEqual(tc!.target, { value: 0.5, of: 'kernel IPVS NAT', atMost: true, measured: 0.5 });
  });

  test('count for nothing when packets were lost, or went another way than was to be measured', () => {
    for (const wrong of [{ lost: 1 }, { slow: 1 }])
      assert.throws(() => sections({ kernel: '', samples: [...samples, sample(wrong)] }), /lost|slow/);
  });
});

describe('docs/benchmarks.md', () => {
  for (const name of ['kernel', 'net']) {
    test(`has the tables, and the picture, of bench-${name}.json`, () => {
      const read = (file: string): string =>
        readFileSync(new URL(`../../../docs/${file}`, import.meta.url), 'utf8');
      const kept = JSON.parse(read(`bench-${name}.json`)) as Kept;
      assert.equal(withTables(read('benchmarks.md'), name, kept), read('benchmarks.md'));
      assert.equal(chart(kept.sections), read(`bench-${name}.svg`));
    });
  }
});
