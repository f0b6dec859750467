import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withLongLines } from './long-lines.js';

const HEAD =
  'IPVS connection entries\npro expire state       source             virtual            destination\n';
const FIELDS = 'UDP 0A01000A 0000 0A010064 13C4 0A02000B 13C4 NONE             59 sip ';
const ROW = 'UDP 00:59  NONE        10.1.0.10:0        10.1.0.100:sip     10.2.0.11:sip';
const TAIL = '   sip                ';

function list(callId: string, row = ROW) {
  const run = { rc: 0, stdout: `${HEAD}${row}\n`, stderr: '' };
  return withLongLines(run, () => ` Pro FromIP   ...\n${FIELDS}${callId}\n`);
}

describe('a list of connections with long lines', () => {
  it('is as it was while lines fit into 254 characters', () => {
    assert.equal(list('x'.repeat(184)).stdout, `${HEAD}${ROW}\n`);
  });

  it('ends with the row of a line of 255', () => {
    assert.deepEqual(list('x'.repeat(185)), { rc: 1, stdout: `${HEAD}${ROW}\n`, stderr: '' });
  });

  it('has a row for the rest of a line, which the row itself lacks', () => {
    const id = `${'x'.repeat(185)}abcdefghij`;
    assert.equal(
      list(id, ROW + TAIL + id).stdout,
      `${HEAD}${ROW}${TAIL}${'x'.repeat(185)}\nabcdefgh 00:59  NONE        10.1.0.10:0        10.1.0.100:0       10.2.0.11:5060\n`,
    );
  });

  it('is nothing when a line overwrites the program', () => {
    assert.deepEqual(list('x'.repeat(241)), { rc: -11, stdout: '', stderr: '' });
  });
});
