import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, DestSpec, ServiceSpec } from '../../control/command.js';
import { planText } from './plan-text.js';

const service = { protocol: 'tcp', address: '10.1.0.1', port: 80 } as const;
const spec: ServiceSpec = { ...service, scheduler: 'rr', flags: [], timeout: 0, netmask: '255.255.255.255' };
const dest: DestSpec = {
  address: '10.2.0.1',
  port: 80,
  forward: 'masq',
  weight: 1,
  uThreshold: 0,
  lThreshold: 0,
};

test('a plan says what is added, what changes from what to what, and what goes', () => {
  const changes: Change[] = [
    { kind: 'setting', before: { name: 'table', value: 'default' }, after: { name: 'table', value: 5 } },
    { kind: 'sysctl', before: { name: 'drop_entry', value: '0' }, after: { name: 'drop_entry', value: '1' } },
    { kind: 'timeout', before: { name: 'tcp', value: 900 }, after: { name: 'tcp', value: 60 } },
    { kind: 'vip', after: { address: '10.1.0.1', interface: 'eth0', prefixLength: 32 } },
    {
      kind: 'vip',
      before: { address: '10.1.0.2', interface: 'eth0', prefixLength: 24 },
      after: { address: '10.1.0.2', interface: 'eth0', prefixLength: 32 },
    },
    {
      kind: 'sync',
      before: { state: 'master', interface: 'eth0', syncid: 1 },
      after: { state: 'master', interface: 'eth0', syncid: 2 },
    },
    { kind: 'service', after: spec },
    { kind: 'dest', service, after: dest },
    {
      kind: 'service',
      before: { ...spec, port: 81 },
      after: { ...spec, port: 81, scheduler: 'sh', flags: ['flag-2'] },
    },
    { kind: 'dest', service: { ...service, port: 82 }, before: dest, after: { ...dest, weight: 0 } },
    { kind: 'dest', service: { ...service, port: 82 }, before: { ...dest, address: 'fd00::1' } },
    { kind: 'service', before: { ...spec, port: 83, dests: [dest, { ...dest, port: 81 }] } },
  ];
  assert.equal(
    planText(changes),
    `! setting table: default -> 5 (takes a restart)
~ sysctl drop_entry: 0 -> 1
~ timeout tcp: 900 -> 60
+ vip 10.1.0.1/32 on eth0
~ vip 10.1.0.2 on eth0 prefixLength 24 -> 32
~ sync master syncid 1 -> 2
+ service tcp:10.1.0.1:80 scheduler rr
+     dest 10.2.0.1:80 forward masq weight 1
~ service tcp:10.1.0.1:81 scheduler rr -> sh flags none -> flag-2
  service tcp:10.1.0.1:82
~     dest 10.2.0.1:80 weight 1 -> 0
-     dest [fd00::1]:80
- service tcp:10.1.0.1:83 (with 2 real servers)

3 added, 6 changed, 2 removed; 1 of the daemon's settings would take a restart
`,
  );
});

test('a plan without changes says so', () => assert.equal(planText([]), 'No changes.\n'));

test('what is in another namespace stands below its name', () => {
  const netns = 'blue';
  const changes: Change[] = [
    { kind: 'service', after: spec },
    { kind: 'netns', after: { name: 'blue' } },
    { kind: 'service', netns, after: spec },
    { kind: 'dest', netns, service, after: dest },
    { kind: 'dest', netns: 'green', service, before: dest },
    { kind: 'netns', before: { name: 'red', services: [] } },
  ];
  assert.equal(
    planText(changes),
    `+ service tcp:10.1.0.1:80 scheduler rr
+ namespace blue
+ service tcp:10.1.0.1:80 scheduler rr
+     dest 10.2.0.1:80 forward masq weight 1
  namespace green
  service tcp:10.1.0.1:80
-     dest 10.2.0.1:80
- namespace red

4 added, 0 changed, 2 removed
`,
  );
});
