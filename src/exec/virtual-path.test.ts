import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LONGEST_PATH, virtualPath } from './virtual-path.js';

for (const [path, expected] of [
  ['/proc/net/ip_vs', { kind: 'proc', name: 'ip_vs' }],
  ['/proc/self/net/ip_vs_conn', { kind: 'proc', name: 'ip_vs_conn' }],
  ['/proc//12/net/ip_vs_stats_percpu', { kind: 'proc', name: 'ip_vs_stats_percpu' }],
  ['/proc/thread-self/net/ip_vs_app', { kind: 'proc', name: 'ip_vs_app' }],
  ['/proc/net/ip_vs_', undefined],
  ['/proc/net/ip_vs/x', undefined],
  ['/proc/net/tcp', undefined],
  ['proc/net/ip_vs', undefined],
  ['/proc/sys/net/ipv4/vs', { kind: 'sysctl-folder' }],
  ['/proc/sys/net/ipv4/vs/', { kind: 'sysctl-folder' }],
  ['/proc/sys/net/ipv4/vs/conntrack', { kind: 'sysctl', name: 'conntrack' }],
  ['/proc/sys/net/ipv4/vs/../ip_forward', undefined],
  ['/proc/sys/net/ipv4/vsx', undefined],
  ['/proc/sys/net/ipv4/ip_forward', undefined],
] as const) {
  test(`${path} is ${expected === undefined ? 'not ours' : JSON.stringify(expected)}`, () => {
    assert.deepEqual(virtualPath(path), expected);
    assert.ok(path.length < LONGEST_PATH);
  });
}
