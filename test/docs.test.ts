import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { EXIT } from '../src/cli/exit-code.js';
import { ROUTES } from '../src/control/http/routes.js';
import { HTTP_STATUS } from '../src/control/http/status.js';
import { SYSCTL_DEFAULTS, SYSCTL_LIMITS, type SysctlName, Sysctls } from '../src/engine/sysctl.js';
import { ERRORS, type ErrorCode } from '../src/errors.js';
import { ipvsd } from './support/daemon.js';

const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

/** Rows of a page's tables, as cells without their code marks. */
function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('|---'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

describe('the documentation says what the code does', () => {
  test('errors.md: every error with errno, status and message, in the order of the table', () => {
    const expected = (Object.keys(ERRORS) as ErrorCode[]).map((code) => [
      code,
      ERRORS[code].errno,
      String(HTTP_STATUS[code]),
      ERRORS[code].message,
    ]);
    assert.deepEqual(
      rows(page('errors.md'))
        .slice(1)
        .map((cells) => cells.slice(0, 4)),
      expected,
    );
  });

  test('api.md: every resource with its command', () => {
    assert.deepEqual(
      rows(page('api.md')).slice(1),
      ROUTES.map(({ method, url, command }) => [`${method} ${url}`, command]),
    );
  });

  test('sysctl.md: every sysctl with its range and default', () => {
    const values = new Sysctls(100, () => {}).list();
    const range = (name: SysctlName): string => {
      const { kind, min, max } = SYSCTL_LIMITS[name] ?? {};
      if (max !== undefined) return `${min}..${max}`;
      return {
        pair: 'two numbers',
        power: 'a power of two',
        long: '0 and more',
        seconds: 'seconds',
        none: 'any',
      }[kind ?? 'none'];
    };
    const computed = { sync_qlen_max: 'pages of memory / 32', sync_threshold: '3 50' };
    assert.deepEqual(
      rows(page('sysctl.md'))
        .filter(([name]) => name! in values)
        .map((cells) => cells.slice(0, 3)),
      (Object.keys(SYSCTL_DEFAULTS) as SysctlName[]).map((name) => [
        name,
        range(name),
        Object.hasOwn(computed, name) ? computed[name as keyof typeof computed] : values[name],
      ]),
    );
  });

  test('cli.md: every command, every flag of run, every exit code', async () => {
    const text = page('cli.md');
    const { stdout: help } = await ipvsd(['--help']);
    const commands = [...help.matchAll(/^ {2}([a-z]+) (?:\[|<| )/gm)].map((match) => match[1]!);
    assert.ok(commands.length >= 7);
    for (const name of commands.filter((name) => name !== 'help' && name !== 'ipvsd')) {
      assert.ok(text.includes(`\`ipvsd ${name}`), name);
    }
    const { stdout: runHelp } = await ipvsd(['run', '--help']);
    const flags = [...runHelp.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map((match) => match[1]!);
    const documented = rows(text).map(([first]) => first!);
    assert.deepEqual(
      flags.filter((flag) => flag !== '--help' && !documented.includes(flag)),
      [],
    );
    const codes = rows(text.slice(text.indexOf('## Exit codes')))
      .slice(1)
      .map(([code]) => Number(code));
    assert.deepEqual(codes, Object.values(EXIT));
  });

  test('links between pages lead to what is there', () => {
    const top = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'].map(
      (name) => new URL(`../../${name}`, import.meta.url),
    );
    const docs = new URL('../../docs/', import.meta.url);
    const pages = readdirSync(docs).filter((name) => name.endsWith('.md'));
    const broken: string[] = [];
    for (const url of [...top, ...pages.map((name) => new URL(name, docs))]) {
      for (const [, target] of readFileSync(url, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target!)) continue;
        const found = new URL(target!, url);
        const anchor = found.hash.slice(1);
        found.hash = '';
        const good =
          existsSync(found) && (anchor === '' || anchors(readFileSync(found, 'utf8')).includes(anchor));
        if (!good) broken.push(`${url.pathname.split('/').at(-1)}: ${target}`);
      }
    }
    assert.deepEqual(broken, []);
  });
});

/** What the headings of a page are called in links. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
