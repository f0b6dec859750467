import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What each layer may import of the others. */
const MAY: Record<string, readonly string[]> = {
  wire: [],
  engine: ['wire'],
  linux: ['wire'],
  ebpf: ['wire'],
  control: ['wire', 'engine'],
  datapath: ['wire', 'engine', 'linux', 'ebpf', 'control'],
  health: ['wire', 'linux', 'control'],
  daemon: ['wire', 'engine', 'linux', 'ebpf', 'control', 'datapath', 'health'],
  exec: ['wire', 'engine', 'linux', 'control'],
};
const LAYERS = [...Object.keys(MAY), 'cli'];
const PACKAGES = ['node:fs', 'fs', 'node:fs/promises', 'koffi', '@fastify/swagger'];

/** One file with one import, and whether the linter is to refuse it. */
interface Case {
  readonly path: string;
  readonly specifier: string;
  readonly refused: boolean;
}

function cases(): Case[] {
  const all: Case[] = [];
  const add = (folder: string, specifier: string, refused: boolean, end = '.ts'): void => {
    all.push({ path: `src/${folder}/case${all.length}${end}`, specifier, refused });
  };
  for (const [layer, allowed] of Object.entries(MAY)) {
    for (const [folder, up] of [
      [layer, '..'],
      [`${layer}/deep`, '../..'],
    ] as const) {
      for (const other of LAYERS)
        if (other !== layer) add(folder, `${up}/${other}/x.js`, !allowed.includes(other));
      add(folder, `${up}/errors.js`, false);
      add(folder, './x.js', false);
      for (const name of PACKAGES) add(folder, name, layer === 'wire' || layer === 'engine');
    }
    // tests may import what they like
    add(layer, '../cli/x.js', false, '.test.ts');
  }
  return all;
}

describe('the linter holds the directions of imports', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-layers-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const all = cases();
  cpSync(`${root}biome.json`, `${folder}/biome.json`);
  for (const { path, specifier } of all) {
    mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
    writeFileSync(`${folder}/${path}`, `import { x } from '${specifier}';\n\nx();\n`);
  }
  const { stdout } = spawnSync(
    `${root}node_modules/.bin/biome`,
    ['lint', '--only=style/noRestrictedImports', '--reporter=github', '--max-diagnostics=none', '.'],
    { cwd: folder, encoding: 'utf8' },
  );
  const found = new Set(
    [...stdout.matchAll(/noRestrictedImports,file=[^,]*\/(src\/[^,]+),/g)].map((match) => match[1]!),
  );

  for (const layer of Object.keys(MAY)) {
    test(`${layer} imports ${MAY[layer]!.join(', ') || 'nothing'}`, () => {
      for (const { path, specifier, refused } of all.filter(({ path }) => path.startsWith(`src/${layer}/`))) {
        assert.equal(found.has(path), refused, `${path} imports ${specifier}`);
      }
    });
  }
});
