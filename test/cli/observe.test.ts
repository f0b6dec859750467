/** The commands that only look, with a daemon without packets. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Explanation } from '../../src/engine/explain/explanation.js';
import { pcapNg } from '../../src/wire/pcap.js';
import { concat } from '../support/bytes.js';
import { ipvsd, type Started, startDaemon, stopDaemon, temporaryFolder } from '../support/daemon.js';
import { SYN, tcp } from '../support/packets.js';

const folder = temporaryFolder();
const socket = join(folder.path, 'ipvsd.sock');
const config = join(folder.path, 'config.json');
const ask = (...args: string[]) => ipvsd([...args, '--socket', socket]);
let daemon: Started;

before(async () => {
  const dests = [{ address: '10.2.0.11', port: 80, forward: 'masq', weight: 3 }];
  const services = [{ protocol: 'tcp', address: '10.1.0.100', port: 80, scheduler: 'wlc', dests }];
  writeFileSync(config, JSON.stringify({ services }));
  daemon = await startDaemon(socket, ['--config', config]);
});
after(async () => {
  await stopDaemon(daemon);
  folder.remove();
});

describe('ipvsd explain', () => {
  test('as text', async () => {
    const { code, stdout } = await ask(
      'explain',
      'tcp',
      '10.1.0.10:4000',
      '10.1.0.100:80',
      '--hook',
      'input',
    );
    assert.equal(code, 0);
    assert.equal(
      stdout,
      `TCP 10.1.0.10:4000 > 10.1.0.100:80 SYN, TTL 64, 40 bytes  (input)
  connection TCP 10.1.0.10:4000 > 10.1.0.100:80: none
  service tcp:10.1.0.100:80: found, scheduler wlc
  scheduler wlc chooses 10.2.0.11:80: the usable server with the least overhead for its weight, the first of equals
      * 10.2.0.11:80 weight 3, active 0, inactive 0, overhead 0, overhead by weight 0
  connection made, masq
      TCP 10.1.0.10:4000 10.1.0.100:80 10.2.0.11:80 SYN_RECV 60 s
  answer  ICMP host unreachable to the packet's source
  => steal: it cannot be sent to the server
`,
    );
  });

  test('as JSON, with fields for everything', async () => {
    const flags = [
      '--flags',
      'ack,psh',
      '--ttl',
      '9',
      '--length',
      '5',
      '--mark',
      '0x7',
      '--hook',
      'input',
      '--json',
    ];
    const { stdout } = await ask('explain', 'tcp', '[fd00:1::10]:4000', '[fd00:1::100]:80', ...flags);
    const said = JSON.parse(stdout) as Explanation;
    assert.deepEqual(said.packet, {
      protocol: 'TCP',
      source: 'fd00:1::10',
      destination: 'fd00:1::100',
      sourcePort: 4000,
      destinationPort: 80,
      flags: ['PSH', 'ACK'],
      ttl: 9,
      length: 65,
    });
    assert.deepEqual([said.fwmark, said.hook, said.outcome], [7, 'input', 'no-service-of-family']);
  });

  test('the packets of a capture file', async () => {
    const file = join(folder.path, 'in.pcapng');
    const packets = [80, 81].map((port) =>
      pcapNg.packet(tcp('10.1.0.10', 4000, '10.1.0.100', port, SYN), 0, ''),
    );
    writeFileSync(file, concat(pcapNg.header('test'), ...packets));
    const all = await ask('explain', '--pcap', file, '--hook', 'input');
    assert.deepEqual(
      all.stdout.split('\n').filter((line) => /^#|=>/.test(line)),
      [
        '#1 TCP 10.1.0.10:4000 > 10.1.0.100:80 SYN, TTL 64, 40 bytes  (input)',
        '  => steal: it cannot be sent to the server',
        '#2 TCP 10.1.0.10:4000 > 10.1.0.100:81 SYN, TTL 64, 40 bytes  (input)',
        '  => accept: no service matches: it passes untouched',
      ],
    );
    assert.match((await ask('explain', '--pcap', file, '--packet', '2')).stdout, /^#2 /);
  });

  const wrong: [string[], number, RegExp][] = [
    [['explain'], 2, /expected a protocol, a source and a destination/],
    [['explain', 'tcp', '10.1.0.10:4000', 'fd00::1'], 1, /packet.destination: fd00::1 is of another family/],
    [['explain', 'gre', '10.1.0.10', '10.1.0.100'], 1, /packet.protocol: "gre" is not a protocol/],
    [['explain', 'tcp', '10.1.0.10:4000', '10.1.0.100:80', '--flags', 'sin'], 1, /"sin" is not a TCP flag/],
    [['explain', '--pcap', '/nonexistent'], 1, /nonexistent: ENOENT/],
    [['explain', '--pcap', config], 1, /neither a pcap nor a pcap-ng file/],
    [['explain', '--live', 'tcp', 'udp'], 1, /address: "udp" is not an address/],
    [['conns', '--client', '10.1'], 2, /--client: "10.1" is not a client/],
    [['events', '--kinds', 'all'], 1, /kinds: "all" is not a kind of event/],
    [['top', '--sort', 'speed'], 2, /--sort: "speed" is none of/],
  ];
  for (const [args, code, message] of wrong) {
    test(`wrong: ${args.join(' ')}`, async () => {
      const ended = await ask(...args);
      assert.deepEqual([ended.code, ended.stdout], [code, '']);
      assert.match(ended.stderr, message);
    });
  }
});

test('conns, top and metrics show what there is', async () => {
  assert.deepEqual(await ask('conns', '--count'), { code: 0, stdout: '0\n', stderr: '' });
  assert.match((await ask('top', '--once')).stdout, /tcp:10\.1\.0\.100:80 wlc/);
  assert.match(
    (await ask('metrics')).stdout,
    /^ipvsd_backend_weight\{.*remote_address="10\.2\.0\.11".*\} 3$/m,
  );
  assert.doesNotMatch((await ask('metrics', '--no-backends')).stdout, /ipvsd_backend/);
});
