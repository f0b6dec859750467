/** A reader of metrics that holds every rule of the two text formats that concerns counters and gauges, and knows nothing of ipvsd. */
import assert from 'node:assert/strict';

/** A family with its samples. */
export interface ReadFamily {
  readonly name: string;
  type: string;
  help: string;
  readonly samples: {
    readonly name: string;
    readonly labels: ReadonlyMap<string, string>;
    readonly value: number;
  }[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Reads a text. @throws AssertionError at the first rule that is broken. */
export function readMetrics(text: string, openMetrics: boolean): Map<string, ReadFamily> {
  assert.ok(text.endsWith('\n'), 'the last line ends, too');
  const lines = text.slice(0, -1).split('\n');
  if (openMetrics) assert.equal(lines.pop(), '# EOF', 'OpenMetrics ends with EOF');
  const families = new Map<string, ReadFamily>();
  const seen = new Set<string>();
  let current: ReadFamily | undefined;
  for (const line of lines) {
    assert.notEqual(line, '# EOF');
    const meta = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (meta !== null) {
      const [, kind, name, rest] = meta as unknown as [string, string, string, string];
      assert.match(name, NAME);
      if (current?.name !== name) {
        assert.equal(families.has(name), false, `${name}: all of a family is in one place`);
        current = { name, type: '', help: '', samples: [] };
        families.set(name, current);
      }
      assert.equal(current.samples.length, 0, `${name}: what is said of it comes first`);
      if (kind === 'TYPE') {
        assert.equal(current.type, '', `${name}: one TYPE`);
        assert.ok(['counter', 'gauge'].includes(rest), rest);
        current.type = rest;
      } else {
        assert.equal(current.help, '', `${name}: one HELP`);
        assert.notEqual(rest, '');
        assert.doesNotMatch(rest.replace(/\\\\|\\n/g, ''), /\\/, 'HELP is escaped');
        current.help = rest;
      }
      continue;
    }
    const sample = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(sample !== null, `not a sample: ${line}`);
    const [, name, labelText, valueText] = sample as unknown as [string, string, string | undefined, string];
    assert.match(name, NAME);
    assert.ok(current !== undefined, 'samples have a family');
    assert.notEqual(current.type, '', `${name} has a TYPE`);
    assert.notEqual(current.help, '', `${name} has a HELP`);
    const total = openMetrics && current.type === 'counter' ? '_total' : '';
    assert.equal(name, `${current.name}${total}`, 'a sample bears the name of its family');
    if (current.type === 'counter') assert.match(name, /_total$/);
    else assert.doesNotMatch(name, /_total$/);
    const labels = readLabels(labelText ?? '');
    const identity = `${name} ${JSON.stringify([...labels].sort())}`;
    assert.equal(seen.has(identity), false, `twice: ${identity}`);
    seen.add(identity);
    const value = Number(valueText);
    assert.ok(Number.isFinite(value), valueText);
    if (current.type === 'counter') assert.ok(value >= 0, 'counters are not negative');
    current.samples.push({ name, labels, value });
  }
  return families;
}

function readLabels(text: string): Map<string, string> {
  const labels = new Map<string, string>();
  for (let rest = text; rest !== ''; ) {
    const pair = /^([^=]+)="((?:[^"\\]|\\["\\n])*)"(,|$)/.exec(rest);
    assert.ok(pair !== null, `labels: ${rest}`);
    assert.match(pair[1]!, LABEL);
    assert.doesNotMatch(pair[1]!, /^__/);
    assert.equal(labels.has(pair[1]!), false, `label ${pair[1]} twice`);
    labels.set(
      pair[1]!,
      pair[2]!.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)),
    );
    rest = rest.slice(pair[0].length);
    if (rest === '') assert.equal(pair[3], '');
  }
  return labels;
}
