import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { normaliseDump } from './normalise.js';

const LIST = `IPVS connection entries
pro expire state       source             virtual            destination
UDP 04:57  UDP         10.1.0.10:6        10.1.0.100:53      10.2.0.11:53
TCP 00:57  SYN_RECV    10.1.0.10:1        10.1.0.100:80      10.2.0.11:80
`;

describe('normaliseDump', () => {
  it('sorts connections and hides their times', () => {
    assert.equal(
      normaliseDump('ipvsadm -Lnc', LIST),
      `IPVS connection entries
pro expire state       source             virtual            destination
TCP MM:SS  SYN_RECV    10.1.0.10:1        10.1.0.100:80      10.2.0.11:80
UDP MM:SS  UDP         10.1.0.10:6        10.1.0.100:53      10.2.0.11:53
`,
    );
  });

  it('knows the ways to ask for connections', () => {
    for (const command of ['ipvsadm -L --connection', 'cat /proc/net/ip_vs_conn', 'ipvsadm -lc']) {
      assert.notEqual(normaliseDump(command, LIST), LIST, command);
    }
  });

  it('leaves other texts alone', () => {
    assert.equal(normaliseDump('ipvsadm -Ln --exact', LIST), LIST);
  });
});
