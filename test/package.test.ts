/** The package, as `npm pack` makes it, installed where there is no repository. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-package-'));
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  const bin = (name: string): string => join(folder, 'node_modules', '.bin', name);

  before(() => {
    const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    mkdirSync(join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', join(folder, filename));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('brings programs that run', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    assert.equal(run(bin('ipvsd'), 'version').trim(), version);
    assert.match(run(bin('ipvsadm'), '--help'), /^ipvsadm v1\.31/);
    assert.match(run(bin('ipvsd'), 'openapi'), /"openapi"/);
  });

  it('brings the engine as a library, with its types', () => {
    writeFileSync(join(folder, 'use.js'), "import { Net } from 'ipvsd'; console.log(typeof Net);");
    assert.equal(run(process.execPath, 'use.js').trim(), 'function');
    assert.ok(existsSync(join(folder, 'node_modules/ipvsd/dist/src/index.d.ts')));
  });

  it('brings what packagers need, and no tests', () => {
    const files = run('find', 'node_modules/ipvsd', '-type', 'f').split('\n');
    for (const name of ['README.md', 'LICENSE', 'packaging/ipvsd.service', 'docs/cli.md']) {
      assert.ok(files.includes(`node_modules/ipvsd/${name}`), name);
    }
    assert.deepEqual(
      files.filter((file) => file.includes('.test.')),
      [],
    );
  });
});
