/** What a master tells, and when. Between two groups of packets there is time for what is open to be sent. */
import { ascii } from '../../support/bytes.js';
import { ACK, FIN, PSH, RST, SYN, sctp, tcp, udp } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { client, endpoint, type Ip, type Method, server, serverPort, service, vip } from './place.js';
import { Story } from './story.js';

const START = '--start-daemon master --mcast-interface s0 --syncid 7';
const DAEMON = 'ipvsadm -L --daemon';
const LIST = 'ipvsadm -Lnc';
/** Longer than a message waits. */
const SENT = 3.6;

/** A whole connection; each step is told on its own. */
function connection(story: Story, flow: Flow, nat: boolean, from: string): void {
  const steps: readonly (readonly [string, Uint8Array])[] = [
    ['client', flow.ask(SYN)],
    [from, flow.answer(SYN | ACK)],
    ['client', flow.ask(ACK, { seq: 1001 })],
    ['client', flow.ask(PSH | ACK, { seq: 1001, data: ascii('hello') })],
    [from, flow.answer(PSH | ACK, { seq: 5001, data: ascii('world') })],
    ['client', flow.ask(FIN | ACK, { seq: 1006 })],
    [from, flow.answer(FIN | ACK, { seq: 5006 })],
    ['client', flow.ask(ACK, { seq: 1007 })],
  ];
  for (const [who, packet] of steps) {
    if (!nat && who !== 'client') continue;
    story.send(who, packet);
    story.wait(SENT);
  }
}

/** The states of TCP, as they are told. */
function states(ip: Ip, method: Method, version: 0 | 1): ScenarioFile {
  const story = new Story(
    `sync_master_states_${method}${ip}_v${version}`,
    'what is told of a TCP connection',
    [...service(ip, 'tcp', method), START],
  ).sysctl({ sync_version: version, sync_threshold: '0 1' });
  connection(story, new Flow(ip, 5000, 1, serverPort(method)), method === 'nat', 'rs1');
  story.send('client', new Flow(ip, 5001, 1, serverPort(method)).ask(SYN));
  story.send('client', new Flow(ip, 5001, 1, serverPort(method)).ask(RST)).wait(SENT);
  return story.dump(LIST, 'cat /proc/net/ip_vs_conn_sync').linger(3).end();
}

/** Which packets of a connection are told, by `sync_threshold`. */
function threshold(value: string, count: number, more: Record<string, number> = {}): ScenarioFile {
  const name = `sync_master_threshold_${value.replace(' ', '_')}${Object.entries(more)
    .map(([k, v]) => `_${k.slice(5)}${v}`)
    .join('')}`;
  const story = new Story(name, `sync_threshold "${value}": packets of UDP and TCP connections`, [
    ...service(4, 'udp', 'nat'),
    ...service(4, 'tcp', 'nat'),
    START,
  ]).sysctl({ sync_threshold: value, ...more });
  const flow = new Flow(4, 5000);
  story.send('client', flow.ask(SYN)).send('rs1', flow.answer(SYN | ACK));
  for (let i = 0; i < count; i++) {
    story
      .send('client', flow.askUdp(), `datagram ${i + 1}`)
      .send('client', flow.ask(ACK, { seq: 1001 }), `segment ${i + 2}`);
    story.wait(SENT);
  }
  story
    .send('client', flow.ask(FIN | ACK))
    .send('rs1', flow.answer(FIN | ACK))
    .send('client', flow.ask(ACK));
  return story.linger(4).end();
}

/** Everything that can be a connection, told in both versions. */
function kinds(version: 0 | 1): ScenarioFile {
  const story = new Story(
    `sync_master_kinds_v${version}`,
    'persistence, marks, engines, one-packet, SCTP, IPv6',
    [
      `-A -t ${vip(4)}:80 -s rr -p 100 -M 255.255.255.0`,
      `-a -t ${vip(4)}:80 -r ${server(4)}:80 -g`,
      `-A -t [${vip(6)}]:80 -s rr -p 100`,
      `-a -t [${vip(6)}]:80 -r [${server(6)}]:80 -i`,
      '-A -f 5 -s rr -p 50',
      `-a -f 5 -r ${server(4, 2)} -m`,
      '-A -f 6 -s rr',
      `-a -f 6 -r ${server(4, 2)} -g`,
      `-A -u ${vip(4)}:5060 -s rr -p 60 --pe sip -o`,
      `-a -u ${vip(4)}:5060 -r ${server(4, 3)}:5060 -m`,
      `-A -u ${vip(4)}:53 -s rr -o`,
      `-a -u ${vip(4)}:53 -r ${server(4, 3)}:53 -m`,
      `-A --sctp-service ${vip(4)}:90 -s rr`,
      `-a --sctp-service ${vip(4)}:90 -r ${server(4, 4)}:90 -g`,
      `-A -t ${vip(4)}:0 -s rr -p 30`,
      `-a -t ${vip(4)}:0 -r ${server(4, 5)}:0 -g`,
      START,
    ],
  ).sysctl({ sync_version: version, sync_threshold: '0 1' });
  const open = (ip: Ip, port: number, dport: number, mark?: number): void => {
    for (const flags of [SYN, ACK]) {
      story.send('client', tcp(client(ip), port, vip(ip), dport, flags), undefined, mark ? { mark } : {});
    }
    story.wait(SENT);
  };
  open(4, 5000, 80);
  open(6, 5000, 80);
  open(4, 5001, 8000);
  open(4, 5002, 443, 5);
  open(4, 5003, 443, 6);
  const invite = ascii('INVITE sip:x SIP/2.0\r\nCall-ID: a-long-call@example\r\n\r\n');
  for (let i = 0; i < 2; i++)
    story.send('client', udp(client(4), 5060, vip(4), 5060, { data: invite })).wait(SENT);
  story.send('client', udp(client(4), 5053, vip(4), 53, { data: ascii('x') })).wait(SENT);
  for (const chunk of ['init', 'cookieEcho', 'data', 'shutdown'] as const) {
    story.send('client', sctp(client(4), 5090, vip(4), 90, [chunk])).wait(SENT);
  }
  return story.dump(LIST).linger(4).end();
}

/** Templates are told with their connections, and again when their own time is put off. */
function templates(value: string, mode: 0 | 1): ScenarioFile {
  const story = new Story(
    `sync_master_templates_${value.replace(' ', '_')}_mode${mode}`,
    `templates and their connections; sync_threshold "${value}", sync_persist_mode ${mode}`,
    [`-A -t ${vip(4)}:80 -s rr -p 40`, `-a -t ${vip(4)}:80 -r ${server(4)}:80 -g`, START],
  ).sysctl({ sync_threshold: value, sync_persist_mode: mode });
  for (let i = 0; i < 6; i++) {
    for (const port of [5000, 5001])
      story.send('client', tcp(client(4), port, vip(4), 80, i === 0 ? SYN : ACK));
    story.wait(SENT);
  }
  story.dump(LIST);
  // far from when a timer may fire, which the kernel lets be late
  for (let i = 0; i < 3; i++) story.wait(35).dump(LIST);
  return story.linger(4).end();
}

/** `sync_refresh_period` and `sync_retries`: a connection is told when its end has moved. */
function refresh(period: number, retries: number, value: string): ScenarioFile {
  const story = new Story(
    `sync_master_refresh_${period}_${retries}_${value.replace(' ', '_')}`,
    `sync_refresh_period ${period}, sync_retries ${retries}, sync_threshold "${value}"`,
    [...service(4, 'udp', 'nat'), ...service(4, 'tcp', 'dr'), '--set 0 0 60', START],
  ).sysctl({ sync_threshold: value, sync_refresh_period: period, sync_retries: retries });
  const flow = new Flow(4, 5000, 1, 80);
  story.send('client', flow.ask(SYN));
  for (let i = 0; i < 24; i++) {
    story.send('client', flow.askUdp()).send('client', flow.ask(ACK, { seq: 1001 }));
    story.wait(i % 3 === 2 ? 7 : 3);
  }
  return story.linger(4).end();
}

/** Messages of one entry each: they are sent when eight wait, and soon when fewer do. */
function queue(qlen: number): ScenarioFile {
  const story = new Story(
    `sync_master_queue_${qlen}`,
    `sync_qlen_max ${qlen}, and messages that hold one entry`,
    [...service(4, 'udp', 'dr'), `${START} --sync-maxlen 60`],
  ).sysctl({ sync_threshold: '0 1', sync_qlen_max: qlen });
  for (let i = 0; i < 5; i++) story.send('client', new Flow(4, 5000 + i, 1, 80).askUdp()).wait(0.2);
  story.wait(SENT).dump(DAEMON).ipvsadm('--stop-daemon master').dump(DAEMON);
  for (let i = 0; i < 3; i++) story.send('client', new Flow(4, 5100 + i, 1, 80).askUdp()).wait(0.2);
  return story.linger(4).end();
}

/** Lengths of messages: what does not fit goes into the next. */
function lengths(maxlen: number): ScenarioFile {
  const story = new Story(`sync_master_maxlen_${maxlen}`, `messages of at most ${maxlen} octets`, [
    ...service(4, 'udp', 'dr'),
    ...service(6, 'udp', 'dr'),
    `${START} --sync-maxlen ${maxlen}`,
  ]).sysctl({ sync_threshold: '0 1' });
  for (let i = 0; i < 6; i++) {
    story.send('client', new Flow(4, 5000 + i, 1, 80).askUdp()).wait(0.1);
    if (i % 2 === 0) story.send('client', new Flow(6, 5000 + i, 1, 80).askUdp()).wait(0.1);
  }
  return story.dump(DAEMON).linger(4).end();
}

/** The version changes under a running master, with a message open. */
function versions(): ScenarioFile {
  const story = new Story('sync_master_versions', 'sync_version changes while a master runs', [
    ...service(4, 'udp', 'dr'),
    START,
  ]).sysctl({ sync_threshold: '0 1' });
  let port = 5000;
  const say = (): void => {
    story.send('client', new Flow(4, port++, 1, 80).askUdp()).wait(0.2);
  };
  for (const version of [1, 0, 0, 1, 1, 0]) {
    story.change({ sync_version: version });
    say();
    say();
  }
  story.wait(SENT);
  say();
  story.change({ sync_version: 1 }).wait(SENT);
  say();
  return story.linger(4).end();
}

/** Where messages go. */
function places(line: string, name: string): ScenarioFile {
  const story = new Story(`sync_master_${name}`, `--start-daemon master ${line}`, [
    ...service(4, 'udp', 'dr'),
    `--start-daemon master ${line}`,
  ]).sysctl({ sync_threshold: '0 1' });
  story
    .send('client', new Flow(4, 5000, 1, 80).askUdp())
    .dump(DAEMON)
    .wait(SENT);
  story.ipvsadm('--stop-daemon master').ipvsadm(`${START} --mcast-ttl 9`);
  story.send('client', new Flow(4, 5000, 1, 80).askUdp()).dump(DAEMON);
  return story.linger(4).end();
}

/** FTP: the data connection is controlled by the other one. */
function ftp(version: 0 | 1): ScenarioFile {
  const story = new Story(
    `sync_master_ftp_v${version}`,
    'a passive FTP data connection is told with what controls it',
    [`-A -t ${vip(4)}:21 -s rr`, `-a -t ${vip(4)}:21 -r ${server(4)}:21 -m`, START],
  ).sysctl({ sync_version: version, sync_threshold: '0 1' });
  const [c, s] = [client(4), server(4)];
  const pasv = ascii('227 Entering Passive Mode (10,2,0,11,200,10).\r\n');
  story
    .send('client', tcp(c, 5000, vip(4), 21, SYN))
    .send('rs1', tcp(s, 21, c, 5000, SYN | ACK, { seq: 5000, ack: 1001 }));
  story.send('client', tcp(c, 5000, vip(4), 21, ACK, { seq: 1001, ack: 5001 })).wait(SENT);
  story.send(
    'client',
    tcp(c, 5000, vip(4), 21, PSH | ACK, { seq: 1001, ack: 5001, data: ascii('PASV\r\n') }),
  );
  story
    .send('rs1', tcp(s, 21, c, 5000, PSH | ACK, { seq: 5001, ack: 1007, data: pasv }))
    .dump(LIST)
    .wait(SENT);
  story
    .send('client', tcp(c, 5001, vip(4), 51210, SYN))
    .send('rs1', tcp(s, 51210, c, 5001, SYN | ACK, { seq: 7000, ack: 1001 }));
  story
    .send('client', tcp(c, 5001, vip(4), 51210, ACK, { seq: 1001, ack: 7001 }))
    .wait(SENT)
    .dump(LIST);
  return story.linger(4).end();
}

/** Connections that conntrack sees, and connections without a server. */
function odd(): ScenarioFile {
  const story = new Story('sync_master_odd', 'conntrack, bypass, deleted servers', [
    ...service(4, 'udp', 'nat'),
    '-A -f 7 -s rr',
    START,
  ]).sysctl({ sync_threshold: '0 1', conntrack: 1, cache_bypass: 1 });
  const flow = new Flow(4, 5000);
  story.send('client', flow.askUdp()).send('rs1', flow.answerUdp()).send('client', flow.askUdp()).wait(SENT);
  for (let i = 0; i < 3; i++) {
    story.send('client', tcp(client(4), 5001, '198.51.100.7', 80, i === 0 ? SYN : ACK), 'bypass', {
      mark: 7,
    });
  }
  story
    .wait(SENT)
    .ipvsadm(`-d -u ${endpoint(vip(4), 80)} -r ${server(4)}:8080`)
    .send('client', flow.askUdp())
    .wait(SENT);
  return story.dump(LIST).linger(1).end();
}

/** Starting and stopping: texts and errors. */
function daemons(): ScenarioFile {
  const story = new Story('sync_daemons', 'starting, listing and stopping daemons', service(4, 'tcp', 'nat'));
  const lines = [
    '-L --daemon',
    '--stop-daemon master',
    '--stop-daemon backup',
    '--start-daemon master --mcast-interface nodev0',
    '--start-daemon master --mcast-interface s0',
    '--start-daemon master --mcast-interface s0 --syncid 5',
    '--start-daemon master --mcast-interface nodev0',
    '--start-daemon backup --mcast-interface c0 --syncid 255',
    '--start-daemon backup --mcast-interface c0',
    '-L --daemon',
    '-L -n --daemon',
    '--stop-daemon master',
    '-L --daemon',
    '--stop-daemon backup',
    '--start-daemon master --mcast-interface s0 --mcast-group 10.1.2.3',
    '--start-daemon master --mcast-interface s0 --mcast-group fd00::1',
    '--start-daemon master --mcast-interface s0 --mcast-group 239.255.0.1 --mcast-port 65535 --mcast-ttl 255 --sync-maxlen 1',
    '-L --daemon',
    '--stop-daemon master',
    '--start-daemon master --mcast-interface s0 --sync-maxlen 65507',
    '--start-daemon backup --mcast-interface s0 --sync-maxlen 1',
    '-L --daemon',
    '--stop-daemon master',
    '--stop-daemon backup',
    '--start-daemon master --mcast-interface lo --mcast-group ff05::81 --mcast-port 1',
    '--start-daemon backup --mcast-interface lo --mcast-group ff02::1:81',
    '-L --daemon',
    '--stop-daemon master',
    '--stop-daemon backup',
  ];
  for (const line of lines) story.ipvsadm(line);
  story.shell('ip link set s0 mtu 1400').ipvsadm('--start-daemon backup --mcast-interface s0');
  story.ipvsadm('--start-daemon master --mcast-interface s0').ipvsadm('-L --daemon');
  const name = `-t ${endpoint(vip(4), 80)}`;
  story
    .ipvsadm(`-a ${name} -r [${server(6)}]:80 -i`)
    .ipvsadm('--stop-daemon backup')
    .ipvsadm('--stop-daemon master');
  story.ipvsadm(`-a ${name} -r [${server(6)}]:80 -i`).ipvsadm('--start-daemon backup --mcast-interface s0');
  story.ipvsadm(`-d ${name} -r [${server(6)}]:80`).ipvsadm('--start-daemon backup --mcast-interface s0');
  return story.ipvsadm('-C').ipvsadm('-L --daemon').end();
}

export const SYNC_MASTER: readonly ScenarioFile[] = [
  ...([0, 1] as const).flatMap((version) => [
    states(4, 'nat', version),
    states(4, 'dr', version),
    kinds(version),
    ftp(version),
  ]),
  states(6, 'nat', 1),
  states(6, 'tun', 0),
  threshold('2 5', 12),
  threshold('3 50', 6),
  threshold('3 0', 6),
  threshold('0 0', 4),
  threshold('0 3', 7),
  threshold('2 5', 8, { sync_version: 0 }),
  templates('0 1', 0),
  templates('0 1', 1),
  templates('2 3', 0),
  templates('3 0', 0),
  refresh(10, 0, '0 0'),
  refresh(10, 2, '0 0'),
  refresh(40, 3, '0 0'),
  refresh(10, 1, '1 3'),
  queue(100),
  queue(0),
  lengths(100),
  lengths(1),
  versions(),
  places(
    '--mcast-interface c0 --syncid 255 --mcast-group 239.1.2.3 --mcast-port 9000 --mcast-ttl 33',
    'group',
  ),
  places('--mcast-interface s0 --syncid 1 --mcast-group ff02::81', 'group6'),
  places('--mcast-interface lo --syncid 1', 'loopback'),
  odd(),
  daemons(),
];
