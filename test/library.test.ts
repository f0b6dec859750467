/** The examples of docs/library.md, as a program that uses the package runs them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDaemon, stopDaemon, temporaryFolder } from './support/daemon.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
after(folder.remove);
mkdirSync(join(folder.path, 'node_modules'));
symlinkSync(ROOT, join(folder.path, 'node_modules/ipvsd'));
writeFileSync(join(folder.path, 'package.json'), '{ "type": "module" }');

interface Example {
  readonly title: string;
  /** What stands behind the language: a file's name, or `daemon` for one that needs a running daemon. */
  readonly kind: string;
  readonly code: string;
  /** What it prints; nothing for a file that others import. */
  readonly output: string | undefined;
}

const page = readFileSync(join(ROOT, 'docs/library.md'), 'utf8');
const examples: Example[] = page.split(/^## /m).flatMap((section) => {
  const title = section.slice(0, section.indexOf('\n'));
  const blocks = section.matchAll(/```js ?(\S*)\n([\s\S]*?)```(?:\n\n```text\n([\s\S]*?)```)?/g);
  return Array.from(blocks, ([, kind, code, output]) => ({ title, kind: kind!, code: code!, output }));
});

function play(code: string, env: NodeJS.ProcessEnv = {}): string {
  writeFileSync(join(folder.path, 'example.js'), code);
  return execFileSync(process.execPath, ['example.js'], {
    cwd: folder.path,
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...env },
  });
}

describe('the examples of the library', () => {
  for (const { title, kind, code, output } of examples) {
    if (kind.endsWith('.js')) writeFileSync(join(folder.path, kind), code);
    else
      test(title, async () => {
        if (kind !== 'daemon') {
          assert.equal(play(code), output);
          return;
        }
        const socket = join(folder.path, 'ipvsd.sock');
        const daemon = await startDaemon(socket);
        try {
          assert.equal(play(code, { IPVSD_SOCKET: socket }), output);
        } finally {
          await stopDaemon(daemon);
        }
      });
  }

  test('are all there', () => {
    assert.ok(examples.length >= 7);
    for (const { title, kind, output } of examples) assert.ok(kind.endsWith('.js') || output, title);
  });
});
