import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { completionScript, SHELLS } from './completion.js';
import { ipvsd } from './ipvsd.js';
import { manualPages } from './manual-pages.js';
import { ipvsadmOutline, outlineOf } from './program-outline.js';

const program = ipvsd(() => {});
const programs = [outlineOf(program), ipvsadmOutline()];

/** What bash offers for a line whose last word is unfinished. */
function offered(...words: string[]): string[] {
  const script = `${completionScript('bash', programs)}
COMP_WORDS=(${words.map((word) => `"${word}"`).join(' ')})
COMP_CWORD=${words.length - 1}
_${words[0]}
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter((word) => word !== '');
}

describe('completion in bash', { skip: !existsSync('/bin/bash') && 'needs bash' }, () => {
  it('offers commands', () => {
    assert.deepEqual(offered('ipvsd', 'simu'), ['simulate']);
    assert.ok(offered('ipvsd', '').includes('run'));
  });
  it('offers the options of the command that was given', () => {
    assert.deepEqual(offered('ipvsd', 'run', '--log-f'), ['--log-format']);
    assert.deepEqual(offered('ipvsd', 'decap', '--log-f'), []);
  });
  it('offers the options of ipvsadm', () => {
    assert.deepEqual(offered('ipvsadm', '--add-se'), ['--add-service', '--add-server']);
  });
});

describe('completion', () => {
  for (const shell of SHELLS) {
    it(`for ${shell} knows every command and every option`, () => {
      const script = completionScript(shell, programs);
      for (const { commands, options } of programs) {
        for (const { name } of commands) assert.ok(script.includes(name), name);
        for (const flag of options.flatMap(({ flags }) => flags)) {
          assert.ok(script.includes(shell === 'fish' ? flag.replace(/^--?/, '') : flag), flag);
        }
      }
    });
  }
});

describe('manual pages', () => {
  const pages = manualPages(program);
  it('name every command and option', () => {
    const page = pages.get('ipvsd')!;
    for (const command of outlineOf(program).commands) {
      assert.ok(page.includes(`.SS ipvsd ${command.name}`));
      for (const { flags } of command.options)
        for (const flag of flags) assert.ok(page.includes(flag.replaceAll('-', '\\-')), flag);
    }
    assert.match(pages.get('ipvsadm')!, /\\-\\-add\\-service/);
  });
  it('are clean to groff', { skip: !existsSync('/usr/bin/groff') && 'needs groff' }, () => {
    for (const page of pages.values()) {
      const input = { input: page, encoding: 'utf8', stdio: 'pipe' } as const;
      const complaints = execFileSync('sh', ['-c', 'groff -man -Tutf8 -ww 2>&1 >/dev/null'], input);
      assert.equal(complaints, '');
    }
  });
});
