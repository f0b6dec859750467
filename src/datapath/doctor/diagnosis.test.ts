import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseTier, type Finding } from './diagnosis.js';

const all = ['tun', 'bpf', 'tcx', 'clsact'];
const findings = (...present: string[]): Finding[] =>
  all.map((name) => ({ name, ok: present.includes(name), purpose: '', detail: `about ${name}` }));

test('the tier is the best that the machine allows, and says why', () => {
  for (const [present, tier, why] of [
    [all, 'tc', /attached by TCX/],
    [['tun', 'bpf', 'clsact'], 'tc', /attached by a tc filter/],
    [['tun', 'bpf'], 'tun', /no place for a tc program: about clsact/],
    [['tun', 'tcx', 'clsact'], 'tun', /no BPF: about bpf/],
    [['bpf', 'tcx', 'clsact'], 'none', /no TUN device: about tun/],
  ] as const) {
    const chosen = chooseTier(findings(...present));
    assert.equal(chosen.tier, tier);
    assert.match(chosen.why, why);
  }
});
