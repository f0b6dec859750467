/** Rules that decide beyond schedulers: thresholds, quiescing, deleted servers, reuse, drops, counters. */
import { ascii } from '../../support/bytes.js';
import { ACK, FIN, RST, SYN, tcp, udp } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { client, endpoint, type Ip, type Method, server, serverPort, service, vip } from './place.js';
import { Story } from './story.js';

const LIST = 'ipvsadm -Lnc';
const RULES = 'ipvsadm -Ln';

const name80 = (ip: Ip, protocol = '-t'): string => `${protocol} ${endpoint(vip(ip), 80)}`;
const real = (ip: Ip, n: number, port = 80): string => `-r ${endpoint(server(ip, n), port)}`;

/** Upper and lower thresholds: when a server counts as overloaded, and when no more. */
function thresholds(ip: Ip, scheduler: string, upper: number, lower: number): ScenarioFile {
  const story = new Story(
    `policy_thresholds_${scheduler}${ip}_${upper}_${lower}`,
    `thresholds ${upper} and ${lower}`,
    [
      `-A ${name80(ip)} -s ${scheduler}`,
      ...[1, 2].map((n) => `-a ${name80(ip)} ${real(ip, n)} -g -x ${upper} -y ${lower}`),
    ],
  );
  const open = (from: number, to: number): void => {
    for (let port = from; port < to; port++) story.send('client', new Flow(ip, port, 1, 80).ask(SYN));
  };
  const close = (from: number, to: number): void => {
    for (let port = from; port < to; port++) story.send('client', new Flow(ip, port, 1, 80).ask(FIN), 'ends');
  };
  open(5000, 5000 + 2 * upper + 2);
  story.dump(RULES);
  for (let i = 0; i < upper; i++) {
    close(5000 + 2 * i, 5001 + 2 * i);
    // TIME_WAIT connections count until they are gone
    if (i % 2 === 1) story.wait(140);
    open(5100 + i, 5101 + i);
  }
  story.dump(RULES, 'ipvsadm -Ln --thresholds');
  story.ipvsadm(`-e ${name80(ip)} ${real(ip, 1)} -g -x 0 -y 0`);
  open(5200, 5204);
  return story.dump(RULES).end();
}

/** Weight 0: connections stay, new ones go elsewhere. */
function quiesce(ip: Ip, method: Method, expire: number): ScenarioFile {
  const port = serverPort(method);
  const option = { nat: '-m', dr: '-g', tun: '-i' }[method];
  const story = new Story(
    `policy_weight0_${method}${ip}${expire ? '_expire' : ''}`,
    'a server with weight 0 keeps its connections',
    service(ip, 'tcp', method, { servers: 2 }),
  ).sysctl({ expire_nodest_conn: expire });
  const [a, b] = [new Flow(ip, 5000, 2, port), new Flow(ip, 5001, 1, port)];
  for (const flow of [a, b]) story.send('client', flow.ask(SYN)).send('client', flow.ask(ACK));
  story.ipvsadm(`-e ${name80(ip)} ${real(ip, 2, port)} ${option} -w 0`);
  story.send('client', a.ask(ACK), 'goes on').send('client', a.ask(SYN), 'a SYN of the same connection');
  for (const next of [5002, 5003]) story.send('client', new Flow(ip, next, 1, port).ask(SYN), 'a new one');
  story.dump(LIST, RULES).ipvsadm(`-e ${name80(ip)} ${real(ip, 1, port)} ${option} -w 0`);
  story
    .send('client', new Flow(ip, 5004).ask(SYN), 'nobody left')
    .ipvsadm(`-e ${name80(ip)} ${real(ip, 2, port)} ${option} -w 1`);
  story.send('client', new Flow(ip, 5005).ask(SYN), 'one is back').send('client', a.ask(ACK));
  return story.dump(LIST, RULES).end();
}

/** A server is deleted under its connections, and comes back. */
function deleted(ip: Ip, method: Method, expire: number): ScenarioFile {
  const port = serverPort(method);
  const option = { nat: '-m', dr: '-g', tun: '-i' }[method];
  const story = new Story(
    `policy_deleted_${method}${ip}${expire ? '_expire' : ''}`,
    'a server is deleted and added again',
    service(ip, 'tcp', method, { servers: 2 }),
  ).sysctl({ expire_nodest_conn: expire });
  const flow = new Flow(ip, 5000, 2, port);
  const talk = (note: string): void => {
    story.send('client', flow.ask(ACK), note);
    if (method === 'nat') story.send('rs2', flow.answer(ACK), note);
  };
  story.send('client', flow.ask(SYN)).send('client', flow.ask(ACK));
  story.ipvsadm(`-d ${name80(ip)} ${real(ip, 2, port)}`);
  talk('the server is deleted');
  story.send('client', flow.ask(SYN), 'a SYN of the same connection').dump(LIST, RULES);
  story.wait(60).ipvsadm(`-a ${name80(ip)} ${real(ip, 2, port)} ${option} -w 3`);
  talk('the server is back');
  story.dump(LIST, RULES).ipvsadm(`-D ${name80(ip)}`);
  talk('the service is deleted');
  story.ipvsadm(`-A ${name80(ip)} -s rr`).ipvsadm(`-a ${name80(ip)} ${real(ip, 2, port)} ${option}`);
  talk('the service is back');
  return story.dump(LIST, RULES).end();
}

/** conn_reuse_mode: a SYN meets a connection that is ending. */
function reuse(mode: number, method: Method, conntrack: number): ScenarioFile {
  const port = serverPort(method);
  const story = new Story(
    `policy_reuse_${mode}_${method}4${conntrack ? '_conntrack' : ''}`,
    `conn_reuse_mode ${mode}: a SYN with the ports of an old connection`,
    service(4, 'tcp', method, { servers: 3 }),
  ).sysctl({ conn_reuse_mode: mode, conntrack });
  // the scheduler takes the server added last first
  const flows = [5000, 5001, 5002, 5003].map((p, i) => new Flow(4, p, 3 - (i % 3), port));
  for (const flow of flows) story.send('client', flow.ask(SYN)).send('client', flow.ask(ACK));
  const [open, finWait, timeWait, closed] = flows;
  story
    .send('client', finWait!.ask(FIN | ACK))
    .send('client', timeWait!.ask(FIN | ACK))
    .send('client', closed!.ask(RST));
  if (method === 'nat') story.send('rs1', timeWait!.answer(FIN | ACK));
  story.dump(LIST);
  for (const flow of [open!, finWait!, timeWait!, closed!, closed!])
    story.send('client', flow.ask(SYN, { seq: 9000 }), 'again');
  return story.dump(LIST, RULES).end();
}

/** drop_packet 3: one of so many new connections is dropped. */
function drops(rate: number): ScenarioFile {
  const story = new Story(
    `policy_drop_rate_${rate}`,
    `drop_packet with am_droprate ${rate}`,
    service(4, 'tcp', 'dr'),
  );
  story.sysctl({ am_droprate: rate, drop_packet: 3 }).wait(2);
  for (let port = 5000; port < 5012; port++) {
    story.send('client', new Flow(4, port, 1, 80).ask(SYN));
    if (port % 4 === 0) story.send('client', new Flow(4, port, 1, 80).ask(ACK), 'of a connection, perhaps');
  }
  story.change({ drop_packet: 0 }).wait(2);
  for (let port = 5020; port < 5024; port++) story.send('client', new Flow(4, port, 1, 80).ask(SYN));
  return story.dump(LIST, RULES).end();
}

/** drop_packet where memory decides: the machine has 65,000 to 83,000 pages left, and counting begins anew each second. */
function memoryDrops(): ScenarioFile {
  const mode = 'cat /proc/sys/net/ipv4/vs/drop_packet';
  const story = new Story(
    'policy_drop_memory',
    'drop_packet 1 and 2 with amemthresh',
    service(4, 'tcp', 'dr'),
  );
  let port = 5000;
  const open = (count: number, gap: number): void => {
    for (let i = 0; i < count; i++) story.send('client', new Flow(4, port++, 1, 80).ask(SYN)).wait(gap);
  };
  story.sysctl({ drop_packet: 1 });
  open(3, 0.3);
  // 1 in 2, then all of them: what is written here is heeded at the end of the second
  for (const amemthresh of [127_000, 1_000_000]) {
    story.change({ amemthresh });
    open(16, 0.13);
    story.dump(mode);
  }
  // a mode that is written is heeded at once, the one that is there already is not written
  story.change({ amemthresh: 127_000 }).change({ drop_packet: 2 });
  open(3, 0);
  story.change({ drop_packet: 3, am_droprate: 4 });
  open(6, 0.05);
  story.change({ am_droprate: 2 });
  open(6, 0.05);
  story.wait(1.1);
  open(6, 0.05);
  for (const amemthresh of [-1, 1024]) {
    story.change({ amemthresh }).change({ drop_packet: 2 });
    open(3, 0);
    story.dump(mode).change({ drop_packet: 0 });
  }
  return story.dump(RULES).end();
}

/** Counters and rates while packets come evenly, stop, and are set to zero. */
function rates(ip: Ip): ScenarioFile {
  const story = new Story(
    `policy_rates${ip}`,
    'counters and rates over time, and -Z',
    service(ip, 'udp', 'nat'),
  );
  const show = (): void => {
    story.dump('ipvsadm -Ln --stats', 'ipvsadm -Ln --rate', 'cat /proc/net/ip_vs_stats');
  };
  const flow = new Flow(ip, 5000);
  for (let second = 0; second < 10; second++) {
    story
      .send('client', flow.askUdp({ data: new Uint8Array(60) }))
      .send('rs1', flow.answerUdp({ data: new Uint8Array(140) }));
    story.wait(0.9);
    if (second % 4 === 3) show();
  }
  story.wait(6);
  show();
  story.ipvsadm('-Z');
  show();
  story.send('client', flow.askUdp()).wait(4);
  show();
  story.ipvsadm(`-Z ${name80(ip, '-u')}`);
  show();
  return story.wait(30).dump('ipvsadm -Ln --rate').end();
}

/** A service at port 0 takes every port that no other service has; without persistence it takes none. */
function portZero(ip: Ip, protocol: 'tcp' | 'udp', persistent: boolean): ScenarioFile {
  const option = protocol === 'tcp' ? '-t' : '-u';
  const zero = `${option} ${endpoint(vip(ip), 0)}`;
  const story = new Story(
    `policy_port_zero_${protocol}${ip}${persistent ? '_persistent' : ''}`,
    'a service at port 0 beside one at port 80',
    [
      ...service(ip, protocol, 'nat'),
      `-A ${zero} -s rr${persistent ? ' -p 60' : ''}`,
      ...[2, 3].map((n) => `-a ${zero} ${real(ip, n, 0)} -m`),
    ],
  );
  for (const port of [80, 81, 443, 80]) {
    const packet =
      protocol === 'tcp'
        ? tcp(client(ip), 5000 + port, vip(ip), port, SYN)
        : udp(client(ip), 5000 + port, vip(ip), port, { data: ascii('x') });
    story.send('client', packet, `port ${port}`);
  }
  return story.dump(LIST, RULES).end();
}

/** Real servers on the director itself. */
function localNode(ip: Ip, method: Method, address: string): ScenarioFile {
  const option = { nat: '-m', dr: '-g', tun: '-i' }[method];
  const port = method === 'nat' ? 8080 : 80;
  const story = new Story(`fwd_local_${method}${ip}`, 'a real server on the director itself', [
    `-A ${name80(ip, '-u')} -s rr`,
    `-a ${name80(ip, '-u')} -r ${endpoint(address, port)} ${option}`,
    `-A ${name80(ip)} -s rr`,
    `-a ${name80(ip)} -r ${endpoint(address, port)} ${option}`,
  ]);
  story.listen(method === 'nat' ? address : vip(ip), port);
  const flow = new Flow(ip, 5000);
  story
    .send('client', flow.askUdp())
    .send('client', flow.askUdp({ ttl: 1 }), 'TTL 1')
    .send('client', flow.askUdp({ noChecksum: true }));
  story.send('client', flow.ask(SYN), 'nobody listens').send('client', flow.ask(ACK));
  return story.dump(LIST, RULES).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** Clients on the director itself. */
function localClient(ip: Ip, method: Method): ScenarioFile {
  const story = new Story(
    `fwd_local_client_${method}${ip}`,
    'a client on the director itself',
    service(ip, 'udp', method),
  );
  const own = ip === 4 ? '10.2.0.1' : 'fd00:2::1';
  const port = serverPort(method);
  for (const hex of ['6f6e65', '74776f'])
    story.localSend({ addr: own, port: 6000, to: vip(ip), toport: 80, hex });
  if (method === 'nat') story.send('rs1', udp(server(ip), port, own, 6000, { data: ascii('answer') }));
  else
    story.send(
      'rs1',
      udp(vip(ip), 80, own, 6000, { data: ascii('answer') }),
      'its source is an address of the director',
    );
  story.localSend({ addr: vip(ip), port: 6001, to: vip(ip), toport: 80, hex: '6d65' });
  return story.dump(LIST).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** nat_icmp_send: servers are told when nobody knows their connection. */
function natIcmpSend(ip: Ip): ScenarioFile {
  const story = new Story(`policy_nat_icmp_send${ip}`, 'packets of servers without a connection', [
    ...service(ip, 'tcp', 'nat'),
    ...service(ip, 'udp', 'nat'),
  ]).sysctl({ nat_icmp_send: 1 });
  const flow = new Flow(ip, 5000);
  for (const [label, flags] of Object.entries({ ACK, SYN, RST, FIN }))
    story.send('rs1', flow.answer(flags), label);
  story
    .send('rs1', flow.answerUdp())
    .send('rs2', tcp(server(ip, 2), 8080, flow.client, 5000, ACK), 'no server of a service');
  story.send('rs1', tcp(server(ip), 8081, flow.client, 5000, ACK), 'another port');
  return story.dump(LIST).end();
}

/** Everything is taken away and given back under a connection. */
function cleared(ip: Ip): ScenarioFile {
  const rules = service(ip, 'tcp', 'nat');
  const story = new Story(`policy_cleared${ip}`, 'ipvsadm -C under a connection', rules);
  const flow = new Flow(ip, 5000);
  const talk = (): void => {
    story.send('client', flow.ask(ACK)).send('rs1', flow.answer(ACK));
  };
  story.send('client', flow.ask(SYN)).send('rs1', flow.answer(SYN | ACK));
  talk();
  story.ipvsadm('-C').dump(LIST, RULES);
  talk();
  for (const rule of rules) story.ipvsadm(rule);
  talk();
  return story.dump(LIST, RULES).end();
}

/** backup_only takes the director out. */
function backupOnly(): ScenarioFile {
  const story = new Story(
    'policy_backup_only',
    'backup_only without a backup daemon',
    service(4, 'tcp', 'dr'),
  );
  story.sysctl({ backup_only: 1 }).send('client', new Flow(4, 5000, 1, 80).ask(SYN));
  return story.dump(LIST).end();
}

export const POLICY: readonly ScenarioFile[] = [
  thresholds(4, 'rr', 4, 0),
  thresholds(4, 'wlc', 4, 2),
  thresholds(6, 'wrr', 3, 1),
  ...([4, 6] as const).flatMap((ip) => [
    quiesce(ip, 'nat', 0),
    quiesce(ip, 'dr', 1),
    deleted(ip, 'nat', 0),
    deleted(ip, 'nat', 1),
    deleted(ip, 'dr', 1),
    rates(ip),
    portZero(ip, 'tcp', false),
    portZero(ip, 'udp', true),
    localClient(ip, 'nat'),
    localClient(ip, 'dr'),
    localClient(ip, 'tun'),
    natIcmpSend(ip),
    cleared(ip),
  ]),
  deleted(4, 'tun', 0),
  ...[0, 1, 2, 3].map((mode) => reuse(mode, 'nat', 0)),
  ...[1, 3].map((mode) => reuse(mode, 'dr', 0)),
  reuse(1, 'nat', 1),
  drops(1),
  drops(2),
  drops(5),
  memoryDrops(),
  localNode(4, 'nat', '10.2.0.1'),
  localNode(4, 'dr', '10.2.0.1'),
  localNode(4, 'tun', '10.1.0.1'),
  localNode(6, 'nat', 'fd00:2::1'),
  backupOnly(),
];
