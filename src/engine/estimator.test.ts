/** `ip_vs_est.c`: the arithmetic step by step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sample, statsView, zeroStats } from './estimator.js';
import { Stats } from './stats.js';

test('one sample of 100 packets in 2 s: a quarter of 50 a second', () => {
  const s = new Stats();
  s.inpkts = 100;
  sample(s);
  // (100 << 9) / 4 = 12800; (12800 + 511) >> 10
  assert.equal(s.est.inpps, 12_800);
  assert.equal(statsView(s).inpps, 12);
});

test('1000 a second for 30 s reads within one in a hundred', () => {
  const s = new Stats();
  for (let t = 0; t < 30; t += 2) {
    s.inpkts += 2000;
    sample(s);
  }
  const { inpps } = statsView(s);
  assert.ok(Math.abs(inpps - 1000) <= 14, String(inpps));
});

test('after the traffic the average falls by the arithmetic shift, to zero', () => {
  const s = new Stats();
  s.inbytes = 1_000_000;
  sample(s);
  assert.equal(s.est.inbps, 4_000_000);
  sample(s);
  assert.equal(s.est.inbps, 4_000_000 + Math.floor(-4_000_000 / 4));
  for (let i = 0; i < 100; i++) sample(s);
  assert.equal(statsView(s).inbps, 0);
});

test('counters show up when they are sampled, and zero makes them begin at what was sampled', () => {
  const s = new Stats();
  s.conns = 5;
  assert.equal(statsView(s).conns, 0);
  sample(s);
  assert.equal(statsView(s).conns, 5);
  s.conns = 7;
  zeroStats(s);
  assert.equal(statsView(s).conns, 0);
  sample(s);
  assert.equal(statsView(s).conns, 2);
});
