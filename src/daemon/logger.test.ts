import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLogger, type LogFormat, type LogLevel } from './logger.js';

/** What a logger writes when `use` uses it. */
function written(
  level: LogLevel,
  format: LogFormat,
  use: (log: ReturnType<typeof createLogger>) => void,
): string {
  let text = '';
  const write = (line: string): void => {
    text += line;
  };
  use(createLogger(level, format, write, () => new Date(0)));
  return text;
}

describe('logs', () => {
  test('as text: one line, values quoted where they need it', () => {
    const text = written('info', 'text', (log) =>
      log.warn('lost', { device: 'eth0', count: 3, why: 'cable\ncut', path: '/run/x', gone: undefined }),
    );
    assert.equal(
      text,
      '1970-01-01T00:00:00.000Z WARN  lost device=eth0 count=3 why="cable\\ncut" path=/run/x\n',
    );
  });

  test('as JSON: one object a line', () => {
    const text = written('info', 'json', (log) => log.error('lost', { count: 3, why: 'a\nb' }));
    assert.equal(
      text,
      '{"time":"1970-01-01T00:00:00.000Z","level":"error","message":"lost","count":3,"why":"a\\nb"}\n',
    );
  });

  test('from the chosen level up', () => {
    const all = (log: ReturnType<typeof createLogger>): void => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level);
    };
    const levels = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => line.split(' ').at(-1));
    assert.deepEqual(levels(written('debug', 'text', all)), ['debug', 'info', 'warn', 'error']);
    assert.deepEqual(levels(written('warn', 'text', all)), ['warn', 'error']);
  });
});
