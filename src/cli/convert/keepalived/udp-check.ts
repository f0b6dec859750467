/** `UDP_CHECK` as a check. */
import { type Fields, type Source, valuesOf } from './checker-source.js';
import { leaveOut } from './left-out.js';
import type { Statement } from './statements.js';

/** What keepalived takes for a reply when it is told only the least of its length, bytes. */
const MOST_REPLY = '255';

/** What is sent, and what the reply must be. */
export function readUdp(source: Source): Fields[] {
  const own: Fields = {};
  let reply: readonly string[] | undefined;
  const length = { min: '0', max: MOST_REPLY, said: false };
  const readLength = (end: 'min' | 'max') => (words: readonly string[], statement: Statement) => {
    const [value = ''] = words;
    if (/^\d{1,5}$/.test(value)) Object.assign(length, { [end]: value, said: true });
    else leaveOut(statement, source.note);
  };
  const common = valuesOf(
    source,
    {},
    {
      min_reply_length: readLength('min'),
      max_reply_length: readLength('max'),
      payload(words, statement) {
        const digits = digitsOf(words);
        const text = Buffer.from(digits.join(''), 'hex').toString('latin1');
        if (digits.length === 0 || digits.some((byte) => byte.includes('x')))
          leaveOut(statement, source.note);
        else if (/^[ -~]+$/.test(text)) own.send = text;
        else own.sendHex = digits.join('');
      },
      require_reply(words) {
        reply = digitsOf(words);
      },
    },
  );
  if (reply !== undefined) {
    own.matches = `^${length.said ? `(?=.{${length.min},${length.max}}$)` : ''}${beginning(reply)}`;
  }
  return [{ type: 'udp', ...common, ...own }];
}

/** The bytes that are written as two digits, or one: `Ab12f 3` is ab, 12, 0f and 03. An x stands for any digit. */
function digitsOf(words: readonly string[]): string[] {
  return words
    .join(' ')
    .toLowerCase()
    .split(/\s+/)
    .flatMap((word) => word.match(/[0-9a-fx]{1,2}/g) ?? [])
    .map((byte) => byte.padStart(2, '0'));
}

/** A pattern for what begins with these bytes, or ends before they do. */
function beginning(bytes: readonly string[]): string {
  return bytes.reduceRight((rest, byte) => `(?:$|${patternOf(byte)}${rest})`, '');
}

function patternOf([high = '', low = '']: string): string {
  if (high !== 'x') return low === 'x' ? `[\\x${high}0-\\x${high}f]` : `\\x${high}${low}`;
  return low === 'x' ? '.' : `[${[...'0123456789abcdef'].map((digit) => `\\x${digit}${low}`).join('')}]`;
}
