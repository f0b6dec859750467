/** Schedulers while servers come, go and change. */
import { ACK, FIN, RST, SYN, tcp } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { client, endpoint, type Ip, server, vip } from './place.js';
import { Story } from './story.js';

const LIST = 'ipvsadm -Ln';

/** New connections, each from another client address and port. */
class Clients {
  readonly #story: Story;
  readonly #ip: Ip;
  #next = 0;

  constructor(story: Story, ip: Ip) {
    this.#story = story;
    this.#ip = ip;
  }

  connect(count: number): void {
    for (let i = 0; i < count; i++) {
      const n = this.#next++;
      // some address has several connections, as schedulers by address must see
      const from = client(this.#ip, 20 + ((n * 7) % 23));
      this.#story.send('client', tcp(from, 5000 + n, vip(this.#ip), 80, SYN));
    }
  }
}

interface Options {
  ip?: Ip;
  /** Options of the service after the scheduler. */
  flags?: string;
  weights?: readonly number[];
}

/** Three servers; then weights change, a server is added, taken away and brought back. */
function changes(scheduler: string, { ip = 4, flags = '', weights = [3, 1, 2] }: Options = {}): ScenarioFile {
  const variant = `${flags.includes('port') ? '_port' : ''}${flags.includes('fallback') ? '_fallback' : ''}${ip === 6 ? '6' : ''}`;
  const name = `sched_${scheduler}_mid${variant}`;
  const service = `-t ${endpoint(vip(ip), 80)}`;
  const real = (n: number): string => `-r ${endpoint(server(ip, n), 80)}`;
  const story = new Story(name, 'weights and servers change between connections', [
    `-A ${service} -s ${scheduler}${flags === '' ? '' : ` -b ${flags}`}`,
    ...weights.map((weight, i) => `-a ${service} ${real(i + 1)} -g -w ${weight}`),
  ]);
  const clients = new Clients(story, ip);
  const step = (...lines: readonly string[]): void => {
    for (const line of lines) story.ipvsadm(line);
    clients.connect(6);
  };
  clients.connect(7);
  story.dump(LIST);
  step(`-e ${service} ${real(1)} -g -w 1`, `-e ${service} ${real(2)} -g -w 4`);
  step(`-e ${service} ${real(3)} -g -w 0`);
  story.dump(LIST);
  step(`-a ${service} ${real(4)} -g -w 2`);
  step(`-d ${service} ${real(2)}`);
  step(`-a ${service} ${real(2)} -g -w 1`, `-e ${service} ${real(3)} -g -w 1`);
  story.dump(LIST);
  step(...[1, 2, 3, 4].map((n) => `-e ${service} ${real(n)} -g -w 0`));
  return story.dump(LIST).end();
}

/** Connections that end, so that counts go down as well: what lc, wlc, sed and nq look at. */
function endings(scheduler: string): ScenarioFile {
  const service = '-t 10.1.0.100:80';
  const story = new Story(`sched_${scheduler}_endings`, 'connections end between new ones', [
    `-A ${service} -s ${scheduler}`,
    ...[2, 1, 1].map((weight, i) => `-a ${service} -r ${server(4, i + 1)}:80 -g -w ${weight}`),
  ]);
  const flow = (port: number): Flow => new Flow(4, port, 1, 80);
  for (let port = 5000; port < 5008; port++)
    story.send('client', flow(port).ask(SYN)).send('client', flow(port).ask(ACK));
  story.dump(LIST);
  for (const port of [5000, 5003, 5004]) story.send('client', flow(port).ask(FIN | ACK), 'becomes inactive');
  story.send('client', flow(5001).ask(RST), 'is gone after ten seconds').dump(LIST);
  for (let port = 5010; port < 5014; port++) story.send('client', flow(port).ask(SYN));
  story.dump(LIST).wait(12);
  for (let port = 5020; port < 5024; port++) story.send('client', flow(port).ask(SYN));
  return story.dump(LIST).end();
}

/** The scheduler of a living service is replaced. */
function replaced(): ScenarioFile {
  const service = '-t 10.1.0.100:80';
  const story = new Story('sched_replaced', 'the scheduler changes while connections exist', [
    `-A ${service} -s rr`,
    ...[1, 2, 3].map((n) => `-a ${service} -r ${server(4, n)}:80 -g -w ${n}`),
  ]);
  const clients = new Clients(story, 4);
  clients.connect(2);
  for (const scheduler of ['wrr', 'wlc', 'rr', 'rr', 'sh', 'nosuch', 'wrr']) {
    story.ipvsadm(`-E ${service} -s ${scheduler}`);
    clients.connect(4);
  }
  return story.dump(LIST).end();
}

/** Weights with a common divisor, very different weights, equal weights. */
function wrrWeights(name: string, weights: readonly number[]): ScenarioFile {
  const service = '-t 10.1.0.100:80';
  const story = new Story(`sched_wrr_weights_${name}`, `wrr with weights ${weights.join(', ')}`, [
    `-A ${service} -s wrr`,
    ...weights.map((weight, i) => `-a ${service} -r ${server(4, i + 1)}:80 -g -w ${weight}`),
  ]);
  new Clients(story, 4).connect(24);
  return story.dump(LIST).end();
}

export const SCHEDULERS: readonly ScenarioFile[] = [
  ...['rr', 'wrr', 'lc', 'wlc', 'sed', 'nq', 'fo', 'ovf', 'dh', 'sh', 'mh', 'lblc', 'lblcr'].map((name) =>
    changes(name),
  ),
  ...['rr', 'wrr', 'lc', 'wlc', 'sh', 'mh'].map((name) => changes(name, { ip: 6 })),
  changes('sh', { flags: 'sh-fallback,sh-port' }),
  changes('mh', { flags: 'mh-fallback,mh-port' }),
  changes('sh', { flags: 'sh-fallback' }),
  ...['lc', 'wlc', 'sed', 'nq', 'wrr'].map(endings),
  replaced(),
  wrrWeights('divisor', [4, 2, 8]),
  wrrWeights('one_zero', [0, 3, 0, 1]),
  wrrWeights('far', [1, 100, 10]),
];
