/** `npm run demo`: the whole way of packets, on this machine, in namespaces of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Namespaces, run, skipReason } from '../test/e2e/namespaces.js';
import type { Tally } from './client.js';
import { build, eventually, IPVSADM, IPVSD, startServers } from './lab.js';
import { FAMILIES, METHODS, rules, SERVERS } from './layout.js';
import { HELP, readOptions } from './options.js';
import { bars, type Row, table } from './report.js';

const REQUESTS = 9;
/** Counters are sampled every two seconds. */
const SAMPLE = 2200;
const CONNECTIONS_SHOWN = 12;

const began = Date.now();

function step(text: string): void {
  process.stdout.write(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);
}

function show(title: string, text: string): void {
  process.stdout.write(`\n${title}\n\n${text.replace(/^/gm, '  ').trimEnd()}\n\n`);
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const reason = skipReason();
  if (reason !== false)
    throw new Error(`the demonstration ${reason}; try it as root, e.g. sudo npm run demo`);
  const ns = new Namespaces('demo');
  const socket = `/run/ipvsd/${ns.name('director')}.sock`;
  const stop = (): void => {
    ns.close();
    process.exit(130);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  let kept = false;
  try {
    step('making namespaces: a client, a router, a director, three real servers');
    build(ns);
    step('starting the real servers and their decapsulators');
    startServers(ns);
    step("starting ipvsd in the director's namespace");
    const daemon = ns.background(
      'director',
      process.execPath,
      IPVSD,
      'run',
      '--socket',
      socket,
      '--log-level',
      'warn',
    );
    const ipvsadm = (args: string, input?: string): string =>
      run(`${IPVSADM} ${args}`, { IPVSD_SOCKET: socket }, input);
    await eventually('ipvsd does not come up', 15, () => {
      if (daemon.exitCode !== null) throw new Error(`it ended with code ${daemon.exitCode}`);
      return ipvsadm('-Ln');
    });
    step('loading the rules: ipvsadm -R');
    ipvsadm('-R', rules());
    const rows = await ask(ns);
    const servers = SERVERS.map((n) => `server ${n}`);
    await sleep(SAMPLE);
    show('Who served what', `${table(rows, servers)}\n\n${bars(rows, servers)}`);
    const connections = ipvsadm('-Lnc').split('\n');
    const more = connections.length - 1 - CONNECTIONS_SHOWN;
    show('ipvsadm -Lnc', [...connections.slice(0, CONNECTIONS_SHOWN), `... and ${more} more`].join('\n'));
    show('ipvsadm -Ln --stats', ipvsadm('-Ln --stats'));
    const failed = rows.filter((row) => row.tally.failed > 0);
    if (failed.length > 0) {
      throw new Error(
        `${failed.length} of ${rows.length} services did not answer every request: ` +
          failed.map((r) => `${r.method} ${r.protocol} ${r.family} (${r.tally.reason})`).join(', '),
      );
    }
    if (options.keep) {
      kept = true;
      show('Everything is up. To look at it', keepHints(ns, socket));
    } else {
      step('stopping ipvsd and removing everything');
      daemon.kill('SIGTERM');
      await eventually('ipvsd does not stop', 5, () => {
        if (daemon.exitCode === null) throw new Error('it still runs');
      });
    }
    step(`done: ${rows.length} services, every request answered`);
    return 0;
  } finally {
    if (kept) ns.forget();
    else ns.close();
  }
}

/** Sends the requests, service by service. */
async function ask(ns: Namespaces): Promise<Row[]> {
  const client = fileURLToPath(new URL('./client.js', import.meta.url));
  const rows: Row[] = [];
  for (const family of FAMILIES) {
    for (const method of METHODS) {
      const vip = family.vip(method.vip);
      step(`${REQUESTS} HTTP and ${REQUESTS} UDP requests to ${vip} (${method.name}, ${family.name})`);
      await eventually('the servers do not come up', 10, () => {
        const probe = JSON.parse(ns.exec('client', `${process.execPath} ${client} ${vip} 1`)) as {
          http: Tally;
          udp: Tally;
        };
        if (probe.http.failed + probe.udp.failed > 0) throw new Error(probe.http.reason ?? probe.udp.reason);
      }).catch(() => undefined);
      const result = JSON.parse(
        ns.exec('client', `${process.execPath} ${client} ${vip} ${REQUESTS}`),
      ) as Record<'http' | 'udp', Tally>;
      rows.push({ family: family.name, method: method.name, protocol: 'HTTP', vip, tally: result.http });
      rows.push({ family: family.name, method: method.name, protocol: 'UDP', vip, tally: result.udp });
    }
  }
  return rows;
}

function keepHints(ns: Namespaces, socket: string): string {
  const inside = (name: string): string => `ip netns exec ${ns.name(name)}`;
  return [
    `IPVSD_SOCKET=${socket} ${IPVSADM} -Ln           the rules (also -Lnc, -Ln --stats, -Ln --rate)`,
    `${inside('client')} curl http://192.0.2.1/      a request through NAT (192.0.2.2: DR, 192.0.2.3: TUN)`,
    `${inside('director')} ip rule                   what steers packets to ipvsd`,
    '',
    'To remove it:',
    ...ns.removal(),
  ].join('\n');
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`\nnpm run demo: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
