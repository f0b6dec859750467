import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { convertRules } from '../../src/cli/convert/ipvsadm.js';
import { runIpvsadm } from '../../src/cli/ipvsadm/run.js';
import { systemNames } from '../../src/cli/ipvsadm/system-names.js';
import { configText } from '../../src/daemon/config/yaml-text.js';
import { open } from '../config/support.js';

async function converted(text: string): Promise<{ yaml: string; notes: string[] }> {
  const notes: string[] = [];
  const config = await convertRules(text, 'rules', systemNames(), ({ line }, remark) => {
    notes.push(`${line}: ${remark}`);
  });
  return { yaml: configText(config), notes };
}

describe('rules of ipvsadm become a configuration', () => {
  test('of a script what are rules; for all else it says what to do', async () => {
    const { yaml, notes } = await converted(`#!/bin/sh
VIP=10.1.0.1
modprobe ip_vs
/sbin/ipvsadm -A -t $VIP:80
ipvsadm -A -t 10.1.0.2:80 -s rr
for i in 1 2; do ipvsadm -a -t 10.1.0.2:80 -r 10.2.0.$i:80 -m; done
`);
    assert.match(yaml, /address: 10\.1\.0\.2\n/);
    assert.deepEqual(
      notes.map((note) => /^(\d+): .*: not a rule.*docs\/migrate\.md$/.exec(note)?.[1]),
      ['2', '3', '4', '6'],
    );
  });

  test('with what cannot be carried over, line by line', async () => {
    const { yaml, notes } = await converted(`# saved by hand
ipvsadm -A -t 10.1.0.1:80 -s sh -b sh-port -p 50 -M 255.255.255.0
-a -t 10.1.0.1:80 -r 10.2.0.1:8080 -m -w 3 -x 10
-a -t 10.1.0.9:80 -r 10.2.0.1:80 -m
-A -f 7 -6 -s rr

-a -f 7 -6 -r [fd00::1]:0 -i --tun-type gre --tun-csum
-L -n
-q
--set 100 0 7
--start-daemon master --mcast-interface eth0 --syncid 3
`);
    assert.equal(
      yaml,
      `timeouts:
  tcp: 100
  udp: 7
sync:
  - state: master
    interface: eth0
    syncid: 3
services:
  - protocol: tcp
    address: 10.1.0.1
    port: 80
    scheduler: sh
    flags: [ persistent, flag-2 ]
    timeout: 50
    netmask: 255.255.255.0
    dests:
      - { address: 10.2.0.1, port: 8080, forward: masq, weight: 3, uThreshold: 10 }
  - fwmark: 7
    family: inet6
    scheduler: rr
    dests:
      - { address: fd00::1, port: 0, forward: tunnel, tunType: gre, tunCsum: csum }
`,
    );
    assert.deepEqual(
      notes.map((note) => note.replace(/: Try.*/, '')),
      ['4: -a -t 10.1.0.9:80 -r 10.2.0.1:80 -m: No such service', '8: -L -n: this is no rule', '9: -q'],
    );
  });

  test('there and back: what ipvsadm -S prints of an applied configuration converts to the same', async () => {
    const director = await open();
    const text = `services:
  - { protocol: udp, address: 10.1.0.1, port: 53, scheduler: wrr, flags: [ops], dests: [{ address: 10.2.0.1, port: 53, forward: masq, weight: 7 }] }
  - { protocol: tcp, address: fd00::1, port: 80, scheduler: mh, flags: [persistent, flag-2], netmask: 64, dests: [{ address: fd00::5, port: 80 }] }
  - { fwmark: 9, scheduler: rr }
`;
    await director.execute('config.apply', { text });
    let saved = '';
    const io = {
      stdin: async () => '',
      stdout: (out: string) => {
        saved += out;
      },
      stderr: () => {},
      resolver: systemNames(),
    };
    await runIpvsadm(['-S', '-n'], io, director);
    const { yaml, notes } = await converted(saved);
    assert.deepEqual(notes, []);
    assert.deepEqual(
      (await director.execute('config.plan', { text: yaml })).changes,
      [],
      `${saved}\n${yaml}`,
    );
  });
});
