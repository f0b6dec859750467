/** `net.ipv4.vs`: what is accepted, and what reads back. Extremes were compared with Linux 6.1. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SYSCTL_DEFAULTS, SYSCTL_LIMITS, type SysctlName, Sysctls } from './sysctl.js';

const HZ = 100;
const fresh = (): Sysctls => new Sysctls(HZ, () => {});
const names = Object.keys(SYSCTL_DEFAULTS) as SysctlName[];

describe('sysctls', () => {
  test('any 32-bit integer is good where no range is said', () => {
    for (const name of names.filter((n) => SYSCTL_LIMITS[n] === undefined)) {
      const s = fresh();
      for (const value of ['0', '-1', '2147483647', '-2147483648', '0x10']) {
        s.set(name, value);
        assert.equal(s.get(name), String(Number(value)));
      }
      for (const value of ['2147483648', '-2147483649', '', 'x', '1x', '+1', '08', '0x', '1.5']) {
        assert.throws(() => s.set(name, value), { code: 'INVALID', field: name }, `${name}=${value}`);
      }
      assert.equal(s.get(name), '16');
    }
  });

  test('numbers are written as in C, and what follows them is not read', () => {
    const s = fresh();
    for (const [text, value] of [
      ['0x1F', '31'],
      ['017', '15'],
      [' -3\n', '-3'],
      ['1 x', '1'],
    ] as const) {
      s.set('cache_bypass', text);
      assert.equal(s.get('cache_bypass'), value);
    }
    s.set('sync_threshold', '2 5 9');
    assert.equal(s.get('sync_threshold'), '2\t5');
  });

  test('a value out of its range is refused and changes nothing', () => {
    for (const [name, { min, max }] of Object.entries(SYSCTL_LIMITS)) {
      if (min === undefined || max === undefined) continue;
      const s = fresh();
      for (const value of [min, max]) s.set(name, String(value));
      for (const value of [min - 1, max + 1]) {
        assert.throws(() => s.set(name, String(value)), { code: 'INVALID' }, name);
      }
      assert.equal(s.get(name), String(max));
    }
  });

  test('seconds that are kept in jiffies must fit there', () => {
    for (const name of ['sync_refresh_period', 'lblc_expiration', 'lblcr_expiration']) {
      const s = fresh();
      s.set(name, '21474836');
      assert.throws(() => s.set(name, '21474837'), { code: 'INVALID' });
      assert.equal(s.get(name), '21474836');
    }
  });

  test('sync_ports: a power of two', () => {
    const s = fresh();
    for (const value of ['1', '64', '1073741824']) s.set('sync_ports', value);
    for (const value of ['0', '3', '-1', '-2147483648']) {
      assert.throws(() => s.set('sync_ports', value), { code: 'INVALID' });
    }
  });

  test('sync_threshold: a pair, whose second number may be left as it is', () => {
    const s = fresh();
    assert.equal(s.get('sync_threshold'), '3\t50');
    s.set('sync_threshold', '4');
    assert.equal(s.get('sync_threshold'), '4\t50');
    s.set('sync_threshold', '7 0');
    assert.equal(s.get('sync_threshold'), '7\t0');
    for (const value of ['50 50', '-1 5', '3 -1']) {
      assert.throws(() => s.set('sync_threshold', value), { code: 'INVALID' });
    }
  });

  test('sync_qlen_max has more than 32 bits, and no sign', () => {
    const s = fresh();
    s.set('sync_qlen_max', '4294967296');
    assert.equal(s.get('sync_qlen_max'), '4294967296');
    assert.throws(() => s.set('sync_qlen_max', '-1'), { code: 'INVALID' });
  });
});
