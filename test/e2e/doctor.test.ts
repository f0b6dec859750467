/** `ipvsd doctor` on this machine, with and without permissions, and what the daemon makes of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IPVSD } from '../../demo/lab.js';
import type { Diagnosis } from '../../src/datapath/doctor/diagnosis.js';
import { rootOnly } from '../support/require-root.js';
import { Namespaces } from './namespaces.js';

/** Runs what follows without the capabilities that BPF needs, and with the one that TUN devices need. */
const WITHOUT_BPF = 'setpriv --bounding-set=-sys_admin,-bpf --inh-caps=-sys_admin,-bpf';

describe('ipvsd doctor', rootOnly('setpriv'), () => {
  const net = new Namespaces('doc');
  const folder = mkdtempSync(join(tmpdir(), 'ipvsd-'));
  before(() => {
    net.add('a');
    net.add('b');
    net.connect('a', 'eth0', 'b', 'eth0');
  });
  after(() => {
    net.close();
    rmSync(folder, { recursive: true });
  });
  /** Interfaces and what is attached to them. */
  const devices = (): string[] =>
    [
      ...net.ip('a', '-o link').matchAll(/^\d+: [^:@]+/gm),
      net.exec('a', 'tc qdisc show'),
      net.exec('a', 'tc filter show dev lo ingress'),
    ].map(String);
  const diagnose = (how = ''): Diagnosis =>
    JSON.parse(net.exec('a', `${how} ${process.execPath} ${IPVSD} doctor --json`));

  it('finds what the other tests need, and leaves nothing behind', () => {
    const before = devices();
    const { tier, findings, interfaces } = diagnose();
    assert.equal(tier, 'tc');
    for (const name of ['tun', 'bpf', 'tcx', 'clsact', 'xdp', 'netns'])
      assert.equal(findings.find((finding) => finding.name === name)?.ok, true, name);
    const eth0 = interfaces.find(({ name }) => name === 'eth0');
    assert.deepEqual(
      { ...eth0, xdp: undefined, withoutXdp: undefined },
      { name: 'eth0', up: true, tc: true, xdp: undefined, withoutXdp: undefined },
    );
    assert.match(eth0!.withoutXdp!, /^veth: /);
    assert.deepEqual(devices(), before);
  });

  it('says what a missing permission leaves', () => {
    const { tier, why } = diagnose(WITHOUT_BPF);
    assert.equal(tier, 'tun');
    assert.match(why, /no BPF: .*EPERM/);
  });

  it('is for people without --json', () => {
    assert.match(net.exec('a', `${process.execPath} ${IPVSD} doctor`), /^Tier: tc: the kernel carries/m);
  });

  it('agrees with the daemon: without BPF it takes the TUN device and says so', async () => {
    const command = `${WITHOUT_BPF} ${process.execPath} ${IPVSD} run --socket ${folder}/socket`;
    const { child, printed } = net.collect('a', 'sh', '-c', `exec ${command} 2>&1`);
    await new Promise<void>((resolve) =>
      child.stdout!.on('data', (said: Buffer) => said.includes(' ready') && resolve()),
    );
    child.kill('SIGTERM');
    assert.match(await printed, /all packets take the TUN device.*EPERM/);
    assert.throws(() => net.exec('a', `${command} --fast-path tc`), /EPERM: BPF needs root, or CAP_BPF/);
  });
});
