import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseTier, type Finding, type InterfaceFinding } from './diagnosis.js';

const all = ['tun', 'packet', 'bpf', 'tcx', 'clsact', 'xdp'];
const findings = (...present: string[]): Finding[] =>
  all.map((name) => ({ name, ok: present.includes(name), purpose: '', detail: `about ${name}` }));
const card: InterfaceFinding = { name: 'eth0', up: true, tc: true, xdp: 'redirect' };
const veth: InterfaceFinding = { ...card, name: 'veth0', withoutXdp: 'veth' };

test('the tier is the best that the machine allows, and says why', () => {
  for (const [present, interfaces, tier, why] of [
    [all, [veth, card], 'xdp', /attached by TCX; in front of it XDP, at eth0$/],
    [all, [veth], 'tc', /attached by TCX; XDP is not used at any interface/],
    [['tun', 'packet', 'bpf', 'tcx', 'clsact'], [card], 'tc', /attached by TCX; no XDP: about xdp/],
    [['tun', 'packet', 'bpf', 'clsact', 'xdp'], [card], 'xdp', /attached by a tc filter; in front/],
    [['tun', 'packet', 'bpf', 'xdp'], [card], 'tun', /no place for a tc program: about clsact/],
    [['tun', 'packet', 'tcx', 'clsact'], [card], 'tun', /no BPF: about bpf/],
    [['tun', 'bpf', 'tcx', 'clsact'], [card], 'none', /no packet socket: about packet/],
    [['packet', 'bpf', 'tcx', 'clsact'], [card], 'none', /no TUN device: about tun/],
  ] as const) {
    const chosen = chooseTier(findings(...present), interfaces);
    assert.equal(chosen.tier, tier);
    assert.match(chosen.why, why);
  }
});
