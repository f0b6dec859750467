/** Load from real programs, through the daemon as its users run it: curl and iperf3 ask nginx and iperf3 by way of NAT, direct routing and tunnels. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../demo/lab.js';
import { endpoint, FAMILIES, IPV4, METHODS, SERVERS } from '../../demo/layout.js';
import { rootOnly } from '../support/require-root.js';
import type { Load } from './http-load.js';
import { Lab, PORTS } from './lab.js';

const NAMES = SERVERS.map((n) => `server${n}`);
const MIB = 1 << 20;
/** Listings show what the estimator last summed up, every 2 s as in the kernel: after so many ms they hold all that was before. */
const SUMMED = 2500;
const sum = (answers: Readonly<Record<string, number>>): number =>
  Object.values(answers).reduce((all, n) => all + n, 0);
const inUrl = (address: string): string => (address.includes(':') ? `[${address}]` : address);

describe('load by real programs', rootOnly('curl', 'nginx', 'iperf3', 'sysctl', 'cmp', 'sh'), () => {
  const lab = new Lab('load');
  const { net } = lab;
  let untouched: string;

  /** Everything of the director that the daemon may change. */
  const snapshot = (): string =>
    [
      ...['rule', '-6 rule', 'route show table all', '-6 route show table all', '-br link'].map((args) =>
        net.ip('director', args).replace(/ (valid_lft|expires) \S+.*$/gm, ''),
      ),
      net.exec('director', 'sysctl net.ipv4.ip_forward net.ipv4.tcp_early_demux net.ipv4.udp_early_demux'),
    ].join('\n');
  const curl = (address: string, path = '/'): string =>
    net.exec('client', `curl -sS -m 5 http://${inUrl(address)}${path}`).trim();
  /** Who answers four requests. */
  const answering = (ask: () => string): string[] => [...new Set([ask(), ask(), ask(), ask()])].sort();
  const load = async (address: string, count: number, atOnce: number): Promise<Load> =>
    JSON.parse(
      await lab.script('client', 'http-load', address, String(PORTS.http), String(count), String(atOnce))
        .printed,
    );
  /** Gets a file by way of `address` and holds it against the original, byte by byte. */
  const transfer = (address: string, file: string): void => {
    const url = `http://${inUrl(address)}/files/${basename(file)}`;
    assert.equal(net.shell('client', `curl -sS -m 100 ${url} | cmp - ${file}`), '');
  };
  /** A column of each real server of the HTTP service by NAT: 0 is the first number. Those that are not there are left out. */
  const column = (index: number, options = ''): number[] => {
    const listing = lab.ipvsadm(`-Ln ${options} -t ${endpoint(IPV4.vip(1), PORTS.http)}`).split('\n');
    return SERVERS.flatMap((n) => {
      const row = listing.find((line) => line.includes(` ${endpoint(IPV4.server(n), PORTS.http)} `));
      const numbers = row?.match(/ \d+(?= |$)/g);
      return numbers ? [Number(numbers[index])] : [];
    });
  };
  const active = (): number[] => column(1);
  const conns = (): number[] => column(0, '--stats --exact');

  before(async () => {
    await lab.open();
    while (net.ip('director', 'addr show tentative').length > 0) await sleep(100);
    untouched = snapshot();
    await lab.startDaemon();
    await eventually('the real servers do not come up', 15, () => curl(IPV4.vip(1)));
  });
  after(() => lab.close());

  for (const { name: family, vip } of FAMILIES) {
    for (const { name: method, vip: number } of METHODS) {
      const address = vip(number);

      it(`HTTP from nginx by ${method} over ${family}`, () => {
        assert.deepEqual(
          answering(() => curl(address)),
          NAMES,
        );
      });

      it(`UDP by ${method} over ${family}`, async () => {
        const { printed } = lab.script('client', 'udp-ask', address, String(PORTS.echo), '30');
        const answers: Record<string, number> = JSON.parse(await printed);
        assert.equal(sum(answers), 30);
        // a port that comes a second time goes where it went the first time
        for (const name of NAMES) assert.ok(answers[name]! >= 8, JSON.stringify(answers));
      });

      it(`iperf3 by ${method} over ${family}, there and back`, () => {
        for (const direction of ['', '-R']) {
          const report = net.exec('client', `iperf3 -J -c ${address} -p ${PORTS.iperf} -n 32M ${direction}`);
          const { end, error } = JSON.parse(report);
          assert.equal(error, undefined);
          assert.ok(end.sum_sent.bytes >= 32 * MIB, report);
          // it counts up to the moment when the sender is done
          assert.ok(end.sum_received.bytes >= 16 * MIB, report);
        }
      });
    }
  }

  it('10,000 short connections without one error', async () => {
    const { answers, failed, reason } = await load(IPV4.vip(1), 10_000, 32);
    assert.deepEqual([failed, reason], [0, undefined]);
    assert.deepEqual(Object.keys(answers).sort(), NAMES);
    assert.equal(sum(answers), 10_000);
    // round robin is fair to one connection
    for (const n of Object.values(answers)) assert.ok(Math.abs(n - 10_000 / 3) <= 1, JSON.stringify(answers));
  });

  it('a GiB by NAT, and 256 MiB by the other methods, every byte right', () => {
    transfer(IPV4.vip(1), lab.makeFile('gib', 1024 * MIB));
    const quarter = lab.makeFile('quarter', 256 * MIB);
    for (const { vip: number } of METHODS.slice(1)) transfer(IPV4.vip(number), quarter);
  });

  it('real servers that are quiesced, removed, added and weighed under load, without one failed request', async () => {
    const service = `-t ${endpoint(IPV4.vip(1), PORTS.http)}`;
    const server = `${service} -r ${endpoint(IPV4.server(1), PORTS.http)}`;
    const path = `/files/${basename(lab.makeFile('slow', 32 * MIB))}`;
    // one on each server, in the middle of a file: a quiesced one keeps the connections that it has
    const downloads: { child: ChildProcess; length: Promise<string> }[] = [];
    for (const _ of NAMES) {
      const child = await lab.startScript('client', 'slow-get', IPV4.vip(1), String(PORTS.http), path);
      downloads.push({ child, length: text(child.stdout!) });
    }
    assert.deepEqual(active(), [1, 1, 1]);
    const running = lab.script('client', 'http-load', IPV4.vip(1), String(PORTS.http), '0', '8');
    await sleep(500);

    lab.ipvsadm(`-e ${server} -m -w 0`);
    await sleep(SUMMED);
    const quiesced = conns();
    await sleep(SUMMED);
    const later = conns();
    assert.equal(later[0], quiesced[0]);
    assert.ok(later[1]! > quiesced[1]!);
    await eventually('short connections of the quiesced server do not end', 10, () =>
      assert.equal(active()[0], 1),
    );
    for (const { child } of downloads) child.kill('SIGTERM');
    for (const { length } of downloads) assert.equal(Number(await length), 32 * MIB);
    await eventually('connections of the quiesced server do not end', 10, () => assert.equal(active()[0], 0));

    lab.ipvsadm(`-d ${server}`);
    assert.equal(conns().length, 2);
    await sleep(500);
    lab.ipvsadm(`-a ${server} -m -w 0`);
    lab.ipvsadm(`-E ${service} -s wrr`);
    lab.ipvsadm(`-e ${server} -m -w 6`);
    await sleep(SUMMED);
    const before = conns();
    await sleep(SUMMED);
    const [six, one] = conns().map((n, i) => n - before[i]!);
    running.child.kill('SIGTERM');
    const { answers, failed, reason } = JSON.parse(await running.printed) as Load;
    assert.deepEqual([failed, reason], [0, undefined]);
    assert.deepEqual(Object.keys(answers).sort(), NAMES);
    assert.ok(six! > 5 * one! && six! < 7 * one!, `${six} to ${one}`);
    lab.ipvsadm(`-e ${server} -m -w 1`);
  });

  it('a daemon that is killed leaves a machine that works, and the next one a clean one', async () => {
    await lab.endDaemon('SIGKILL');
    assert.notEqual(snapshot(), untouched);
    const server = inUrl(IPV4.server(1));
    assert.equal(net.exec('director', `curl -sS -m 5 http://${server}/`).trim(), 'server1');
    assert.equal(net.exec('client', `curl -sS -m 5 http://${server}/`).trim(), 'server1');
    await lab.startDaemon();
    for (const { vip } of FAMILIES) {
      for (const { vip: number } of METHODS)
        assert.deepEqual(
          answering(() => curl(vip(number))),
          NAMES,
        );
    }
    assert.equal(await lab.endDaemon('SIGTERM'), 0);
    assert.equal(snapshot(), untouched);
  });
});
