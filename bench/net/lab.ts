/** Builds the hosts of `plan.ts` in network namespaces, starts everything, and takes it down again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../demo/lab.js';
import { Namespaces } from '../../test/e2e/namespaces.js';
import { type Directors, startDirectors } from './directors.js';
import { addresses, BACK, DIRECTORS, type DirectorName, linkTo, PATHS, PORTS } from './plan.js';
import { startServer } from './server.js';

/** Routing table of the server's answers that go past the director. */
const BACK_TABLE = 78;

/** The laboratory: up until `close`. */
export class Lab {
  readonly ns = new Namespaces('bench');
  readonly #files = mkdtempSync(join(tmpdir(), 'ipvsd-bench-'));
  #directors: Directors | undefined;

  /** Makes it. After a failure `close` is still to be called. */
  async open(): Promise<void> {
    const { ns } = this;
    for (const name of ['client', 'server', ...DIRECTORS]) {
      ns.add(name);
      for (const scope of ['all', 'default']) ns.sysctl(name, `net/ipv4/conf/${scope}/rp_filter`, 0);
    }
    for (const name of DIRECTORS) addDirector(ns, name);
    addBackLink(ns);
    startServer(ns, this.#files);
    // as network cards do: without it a veth takes no frames that XDP redirects
    for (const name of ['client', 'server', ...DIRECTORS]) joinSegments(ns, name);
    this.#directors = await startDirectors(ns, this.#files);
    for (const { name, address } of PATHS) {
      await eventually(`no answer by way of ${name}`, 15, () =>
        ns.exec('client', `curl -sS --max-time 2 -o /dev/null http://${address}:${PORTS.http}/`),
      );
    }
  }

  /** The directors, of an open laboratory. */
  get directors(): Directors {
    return this.#directors!;
  }

  /** Removes everything. */
  async close(): Promise<void> {
    try {
      await this.#directors?.stop();
    } finally {
      this.ns.close();
      rmSync(this.#files, { recursive: true, force: true });
    }
  }
}

function addDirector(ns: Namespaces, name: DirectorName): void {
  const plan = addresses(name);
  ns.sysctl(name, 'net/ipv4/ip_forward', 1);
  const link = linkTo(name);
  ns.connect('client', link, name, 'near');
  ns.connect('server', link, name, 'far');
  ns.address('client', link, `${plan.client}/24`);
  ns.address(name, 'near', `${plan.near}/24`);
  ns.address(name, 'far', `${plan.far}/24`);
  ns.address('server', link, `${plan.server}/24`);
  // flows come from clients behind the client
  ns.ip(name, `route add 20.0.0.0/8 via ${plan.client}`);
  ns.ip('client', `route add ${plan.server} via ${plan.near}`);
  ns.ip('server', `route add ${plan.client} via ${plan.far}`);
  for (const { director, address } of PATHS) {
    if (director !== name || address === plan.server) continue;
    ns.address(name, 'lo', `${address}/32`);
    ns.ip('client', `route add ${address} via ${plan.near}`);
  }
}

/** Switches GRO on. */
function joinSegments(ns: Namespaces, name: string): void {
  const links = name === 'client' || name === 'server' ? DIRECTORS.map(linkTo) : ['near', 'far'];
  for (const link of links) ns.exec(name, `ethtool -K ${link} gro on`);
}

/** The server answers for DR and TUN with the virtual address, straight to the client. */
function addBackLink(ns: Namespaces): void {
  ns.connect('client', 'back', 'server', 'back');
  ns.address('client', 'back', `${BACK.client}/24`);
  ns.address('server', 'back', `${BACK.server}/24`);
  ns.ip('server', `route add default via ${BACK.client} table ${BACK_TABLE}`);
  for (const { option, address } of PATHS) {
    if (option === undefined || option === '-m') continue;
    ns.address('server', 'lo', `${address}/32`);
    ns.ip('server', `rule add from ${address} lookup ${BACK_TABLE}`);
  }
}
