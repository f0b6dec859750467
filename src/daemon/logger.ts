/** Structured logs on standard error: JSON lines for machines, one readable line for people. */

/** From the least to the most important. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Values that go with a message. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where the daemon's parts report to. Messages are constant texts; what varies is in the fields. */
export type Logger = { readonly [L in LogLevel]: (message: string, fields?: LogFields) => void };

/**
 * A logger.
 * @param level the least important level that is written.
 * @param write takes one line with its newline.
 * @param now the time of a line.
 */
export function createLogger(
  level: LogLevel,
  format: LogFormat,
  write: (line: string) => void = (line) => process.stderr.write(line),
  now: () => Date = () => new Date(),
): Logger {
  const least = LOG_LEVELS.indexOf(level);
  const at =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (LOG_LEVELS.indexOf(own) < least) return;
      const time = now().toISOString();
      write(format === 'json' ? jsonLine(time, own, message, fields) : textLine(time, own, message, fields));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  return `${JSON.stringify({ time, level, message, ...fields })}\n`;
}

function textLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${quoted(value!)}`);
  return `${time} ${level.toUpperCase().padEnd(5)} ${message}${pairs.join('')}\n`;
}

/** Quoted unless it is one plain word, so that a line stays one line. */
function quoted(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w./:@[\]+-]+$/.test(text) ? text : JSON.stringify(text);
}
