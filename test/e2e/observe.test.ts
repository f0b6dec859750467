/** What is told of real packets: explained before they come, traced while they do, told afterwards. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { DirectorEvent } from '../../src/control/events.js';
import type { Explanation } from '../../src/engine/explain/explanation.js';
import { IPVSD, until } from '../support/daemon.js';
import { readMetrics } from '../support/openmetrics.js';
import { readPcapNg } from '../support/pcapng.js';
import { Namespaces, skipReason } from './namespaces.js';

const skip = skipReason('curl', 'tcpdump');
const VIP = '10.0.0.100';
const CLIENT = '10.0.0.2';
const SERVERS = ['10.0.1.11', '10.0.1.12'];
const net = new Namespaces('see');
const folder = mkdtempSync(join(tmpdir(), 'ipvsd-see-'));
const socket = join(folder, 'ipvsd.sock');
const env = { ...process.env, IPVSD_SOCKET: socket };

async function build(): Promise<void> {
  for (const name of ['c', 'd', 's1', 's2']) net.add(name);
  net.connect('c', 'eth0', 'd', 'eth0');
  net.address('c', 'eth0', `${CLIENT}/24`);
  net.address('d', 'eth0', '10.0.0.1/24', `${VIP}/32`);
  net.ip('c', 'route add default via 10.0.0.1');
  for (const [i, name] of ['s1', 's2'].entries()) {
    net.connect('d', `eth${i + 1}`, name, 'eth0');
    net.address('d', `eth${i + 1}`, `10.0.1.${i + 1}/32`);
    net.ip('d', `route add ${SERVERS[i]}/32 dev eth${i + 1}`);
    net.address(name, 'eth0', `${SERVERS[i]}/32`);
    net.ip(name, 'route add 10.0.1.0/24 dev eth0');
    net.ip(name, `route add default via 10.0.1.${i + 1}`);
    const script = fileURLToPath(new URL('./server.js', import.meta.url));
    await net.start(name, process.execPath, script, name, SERVERS[i]!);
  }
}

function ipvsd(...args: string[]): string {
  return execFileSync(process.execPath, [IPVSD, ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function ipvsadm(args: string): string {
  const program = IPVSD.replace(/ipvsd$/, 'ipvsadm');
  return execFileSync(process.execPath, [program, ...args.split(' ')], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A program that goes on, and what it has printed by now. */
function follow(...args: string[]): { child: ChildProcess; printed: () => string; end: () => Promise<void> } {
  const child = spawn(process.execPath, [IPVSD, ...args], { env });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const end = async (): Promise<void> => {
    child.kill('SIGTERM');
    await once(child, 'close');
  };
  return { child, printed: () => text, end };
}

const get = (): string => net.exec('c', `curl -sS -m 3 http://${VIP}:80/`).trim();

describe('observing real packets', { skip }, () => {
  let daemon: ChildProcess;

  before(async () => {
    await build();
    const options = ['--netns', net.name('d'), '--socket', socket, '--log-level', 'error'];
    daemon = spawn(process.execPath, [IPVSD, 'run', ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
    await until(() => {
      try {
        return ipvsadm('-Ln') !== '';
      } catch {
        return false;
      }
    }, 'the daemon answers');
    ipvsadm(`-A -t ${VIP}:80 -s wrr`);
    ipvsadm(`-a -t ${VIP}:80 -r ${SERVERS[0]}:8080 -m -w 2`);
    ipvsadm(`-a -t ${VIP}:80 -r ${SERVERS[1]}:8080 -m -w 1`);
  });

  after(async () => {
    daemon?.kill('SIGTERM');
    if (daemon !== undefined) await once(daemon, 'close');
    net.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('explains where the next connection goes, and there it goes', () => {
    for (let i = 0; i < 6; i++) {
      const text = ipvsd('explain', 'tcp', `${CLIENT}:4000`, `${VIP}:80`, '--json');
      const said = JSON.parse(text) as Explanation;
      assert.equal(said.outcome, 'sent');
      assert.equal(said.hook, 'input');
      const { nextHop, packet } = said.sent[0]!;
      assert.equal(nextHop, packet.destination);
      assert.equal(get().split(' ')[0], packet.destination === SERVERS[0] ? 's1' : 's2');
    }
  });

  it('tells of connections and changes as they happen', async () => {
    const heard = follow('events');
    const all = (): DirectorEvent[] =>
      heard
        .printed()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as DirectorEvent);
    // a change that changes nothing shows that it listens
    await until(() => {
      ipvsadm(`-e -t ${VIP}:80 -r ${SERVERS[1]}:8080 -m -w 1`);
      return all().length > 0;
    }, 'events come');
    get();
    await until(() => all().some(({ event }) => event === 'connection.made'), 'the connection is told');
    const made = all().find((e) => e.event === 'connection.made');
    assert.ok(made?.event === 'connection.made');
    assert.equal(made.netns, net.name('d'));
    assert.equal(made.connection.clientAddress, CLIENT);
    assert.equal(made.connection.virtualPort, 80);
    const change = all().find((e) => e.event === 'dest.edit');
    assert.ok(change?.event === 'dest.edit');
    assert.deepEqual(change.dest?.address, SERVERS[1]);
    await heard.end();
  });

  it('traces packets into a file whose comments say what became of them', async () => {
    const file = join(folder, 'trace.pcapng');
    const trace = follow('explain', '--live', 'tcp', `${VIP}:80`, '--write', file, '--limit', '4');
    const answers: string[] = [];
    await until(() => {
      answers.push(get());
      return trace.child.exitCode !== null;
    }, 'the trace ends');
    const { application, packets } = readPcapNg(readFileSync(file));
    assert.equal(application, 'ipvsd');
    assert.equal(packets.length, 4);
    const syn = packets.find(({ comment }) => comment.includes('scheduler wrr chooses'));
    assert.ok(syn !== undefined, packets.map(({ comment }) => comment).join('\n'));
    assert.match(syn.comment, new RegExp(`^TCP ${CLIENT}:\\d+ > ${VIP}:80 SYN`));
    assert.match(syn.comment, /service tcp:10\.0\.0\.100:80: found, scheduler wrr/);
    assert.match(syn.comment, /connection made, masq/);
    assert.ok(Math.abs(syn.time / 1000 - Date.now()) < 60_000, 'its time is now');
    // another reader agrees that it is what it should be
    const shown = execFileSync('tcpdump', ['-nr', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    assert.equal(shown.trim().split('\n').length, 4);
    assert.match(shown, new RegExp(`IP ${CLIENT}\\.\\d+ > ${VIP}\\.80: Flags \\[S\\]`));
  });

  it('counts what it has carried', () => {
    const families = readMetrics(ipvsd('metrics'), false);
    const value = (name: string): number => families.get(name)!.samples.reduce((sum, s) => sum + s.value, 0);
    assert.ok(value('ipvsd_datapath_packets_total') + value('ipvsd_fast_path_packets_total') > 50);
    assert.ok(value('ipvsd_datapath_forwarded_total') > 0);
    assert.ok(value('ipvsd_fast_path_packets_total') > 10);
    const states = families.get('ipvsd_connections_by_state')!.samples;
    assert.ok(states.some(({ labels, value }) => labels.get('proto') === 'TCP' && value > 0));
    const listed = Number(ipvsd('conns', '--client', CLIENT, '--count'));
    assert.equal(
      listed,
      states.reduce((sum, s) => sum + s.value, 0),
    );
    assert.match(ipvsd('top', '--once'), new RegExp(`tcp:${VIP}:80 wrr`));
  });
});
