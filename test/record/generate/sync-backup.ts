/** What a backup makes of the messages it takes. */
import { ascii } from '../../support/bytes.js';
import { ACK, FIN, PSH, RST, SYN, tcp, udp } from '../../support/packets.js';
import {
  type EntrySpec,
  entryV0,
  entryV1,
  FLAG,
  messageV0,
  messageV1,
  option,
  seqNumbers,
  syncPacket,
} from '../../support/sync-messages.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { client, endpoint, type Ip, type Method, server, serverPort, service, vip } from './place.js';
import { Story } from './story.js';

const LIST = 'ipvsadm -Lnc';
const RULES = 'ipvsadm -Ln';
const SYNC_LIST = 'cat /proc/net/ip_vs_conn_sync';
const START = '--start-daemon backup --mcast-interface s0 --syncid 7';
const METHOD_FLAG: Readonly<Record<Method, number>> = { nat: FLAG.MASQ, dr: FLAG.DROUTE, tun: FLAG.TUNNEL };

const entry = (ip: Ip, port: number, method: Method = 'nat', more: Partial<EntrySpec> = {}): EntrySpec => ({
  client: [client(ip), port],
  virtual: [vip(ip), 80],
  dest: [server(ip), serverPort(method)],
  flags: METHOD_FLAG[method],
  ...more,
});

/** A message with these entries comes from the ninth server's address. */
function tell(story: Story, note: string, ...entries: readonly EntrySpec[]): void {
  story.send('rs9', syncPacket(server(4, 9), messageV1(entries.map(entryV1))), note);
}

/** The master is gone: the connections' packets come here. */
function takeover(ip: Ip, method: Method): ScenarioFile {
  const story = new Story(
    `sync_takeover_${method}${ip}`,
    'packets of connections that a master has told of',
    [...service(ip, 'tcp', method, { servers: 2 }), START],
  );
  const port = serverPort(method);
  const other = { dest: [server(ip, 2), port] } as const;
  const inactive = (method === 'nat' ? 0 : FLAG.NOOUTPUT) | METHOD_FLAG[method];
  tell(
    story,
    'three',
    entry(ip, 5000, method, other),
    entry(ip, 5001, method),
    entry(ip, 5002, method, other),
  );
  tell(
    story,
    'one that has ended',
    entry(ip, 5003, method, { state: 5, timeout: 120, flags: inactive | FLAG.INACTIVE }),
  );
  tell(story, 'replies are not seen', entry(ip, 5004, method, { flags: inactive }));
  story.dump(LIST, RULES);
  for (const [clientPort, n] of [
    [5000, 2],
    [5001, 1],
    [5002, 2],
    [5004, 1],
  ] as const) {
    const flow = new Flow(ip, clientPort, n, port);
    story.send('client', flow.ask(PSH | ACK, { seq: 2000, data: ascii('hello') }));
    if (method === 'nat') story.send(`rs${n}`, flow.answer(PSH | ACK, { data: ascii('world') }));
    story.send('client', flow.ask(clientPort === 5002 ? RST : FIN | ACK, { seq: 2005 }));
  }
  story.send('client', new Flow(ip, 5003, 1, port).ask(SYN), 'reuses what has ended');
  story.send('client', new Flow(ip, 5005, 1, port).ask(SYN), 'one of its own');
  return story.dump(LIST, RULES, SYNC_LIST).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** The same connection, told of several times. */
function updates(): ScenarioFile {
  const story = new Story('sync_backup_updates', 'what a message may change of a connection that is known', [
    ...service(4, 'tcp', 'nat', { servers: 2 }),
    START,
  ]);
  const flow = new Flow(4, 6000, 2);
  story
    .send('client', flow.ask(SYN), 'a connection of its own')
    .send('rs2', flow.answer(SYN | ACK))
    .dump(SYNC_LIST, RULES);
  const at2 = { dest: [server(4, 2), 8080] } as const;
  const steps: readonly (readonly [string, EntrySpec])[] = [
    ['its own connection', entry(4, 6000, 'nat', at2)],
    ['its end', entry(4, 6000, 'nat', { ...at2, state: 5, timeout: 120, flags: FLAG.INACTIVE })],
    ['alive again', entry(4, 6000, 'nat', at2)],
    ['another method', entry(4, 6000, 'dr', at2)],
    ['another server', entry(4, 6000)],
    ['the end of one that was replaced', entry(4, 6000, 'nat', { ...at2, state: 5, flags: FLAG.INACTIVE })],
    ['another port of the server', entry(4, 6000, 'nat', { dest: [server(4), 8081] })],
    ['back again', entry(4, 6000, 'nat', { ...at2, timeout: 50 })],
    [
      'a new one that has ended',
      entry(4, 6001, 'nat', { ...at2, state: 5, timeout: 120, flags: FLAG.INACTIVE }),
    ],
    ['and lives', entry(4, 6001, 'nat', { ...at2, state: 1 })],
  ];
  for (const [note, spec] of steps) {
    tell(story, note, spec);
    story.wait(0.1).dump(SYNC_LIST, RULES);
  }
  return story.wait(55).dump(SYNC_LIST, RULES).end();
}

/** Connections whose server, or service, is not there, or only later. */
function unbound(method: Method, ip: Ip): ScenarioFile {
  const story = new Story(`sync_backup_unbound_${method}${ip}`, 'connections that no server is there for', [
    ...service(ip, 'tcp', method),
    START,
  ]);
  const port = serverPort(method);
  const name = `-t ${endpoint(vip(ip), 80)}`;
  const option2 = `-r ${endpoint(server(ip, 2), port)} ${{ nat: '-m', dr: '-g', tun: '-i' }[method]}`;
  const at2 = { dest: [server(ip, 2), port] } as const;
  const flow = new Flow(ip, 7000, 2, port);
  const talk = (note: string): void => {
    story.send('client', flow.ask(PSH | ACK, { data: ascii('x') }), note);
    if (method === 'nat') story.send('rs2', flow.answer(ACK), note);
  };
  tell(story, 'unbound', entry(ip, 7000, method, at2));
  story.dump(SYNC_LIST, RULES);
  talk('without server');
  story.ipvsadm(`-a ${name} ${option2}`).dump(RULES);
  talk('the server is there, not bound');
  story.dump(SYNC_LIST, RULES);
  tell(story, 'told again', entry(ip, 7000, method, at2));
  story.dump(SYNC_LIST, RULES);
  talk('bound');
  tell(story, 'with another method', entry(ip, 7001, method === 'nat' ? 'dr' : 'nat', at2));
  story.dump(RULES).send('client', new Flow(ip, 7001, 2, port).ask(ACK), 'by the method of the server');
  story.ipvsadm(`-d ${name} -r ${endpoint(server(ip, 2), port)}`).dump(RULES);
  talk('the server is deleted');
  tell(story, 'told again', entry(ip, 7000, method, at2));
  tell(story, 'a new one', entry(ip, 7002, method, at2));
  story.dump(SYNC_LIST, RULES).ipvsadm(`-D ${name}`);
  tell(story, 'without service', entry(ip, 7003, method, at2));
  talk('without service');
  return story.dump(SYNC_LIST).wait(3).dump('ipvsadm -Ln --stats').end();
}

/** The method that a message tells and the one that the server has. */
function methods(): ScenarioFile {
  const rules = (['nat', 'dr', 'tun'] as const).flatMap((method, i) => {
    const name = `-t ${vip(4)}:${80 + i}`;
    return [
      `-A ${name} -s rr`,
      `-a ${name} -r ${server(4, i + 1)}:${80 + i} ${{ nat: '-m', dr: '-g', tun: '-i' }[method]}`,
    ];
  });
  const story = new Story('sync_backup_methods', 'methods and flags told against methods of the server', [
    ...rules,
    START,
  ]);
  const told = [
    FLAG.MASQ,
    FLAG.LOCALNODE,
    FLAG.TUNNEL,
    FLAG.DROUTE,
    FLAG.BYPASS,
    FLAG.NOOUTPUT,
    FLAG.NOOUTPUT | FLAG.DROUTE,
  ];
  let port = 8000;
  const seen: [number, number][] = [];
  for (let i = 0; i < 3; i++) {
    for (const flags of told) {
      const spec = { virtual: [vip(4), 80 + i], dest: [server(4, i + 1), 80 + i], flags } as const;
      tell(story, `flags ${flags}`, entry(4, port, 'nat', spec));
      seen.push([port++, 80 + i]);
    }
  }
  story.dump(RULES);
  for (const [clientPort, vport] of seen) {
    story.send('client', tcp(client(4), clientPort, vip(4), vport, FIN | ACK));
  }
  return story.dump(LIST, RULES).end();
}

/** The client's network of the standard topology, masked. */
const NET24 = '10.1.0.0';

/** Templates: persistence goes on where the master left it. */
function templates(): ScenarioFile {
  const name = `-t ${vip(4)}:80`;
  const story = new Story('sync_backup_templates', 'persistence templates that a master has told of', [
    `-A ${name} -s rr -p 100 -M 255.255.255.0`,
    ...[1, 2, 3].map((n) => `-a ${name} -r ${server(4, n)}:80 -g`),
    '-A -f 5 -s rr -p 50',
    ...[1, 2].map((n) => `-a -f 5 -r ${server(4, n)} -g`),
    START,
  ]);
  const template = (n: number, more: Partial<EntrySpec> = {}): EntrySpec => ({
    client: [NET24, 0],
    virtual: [vip(4), 80],
    dest: [server(4, n), 80],
    flags: FLAG.TEMPLATE | FLAG.DROUTE,
    timeout: 100,
    ...more,
  });
  const marked = (n: number): EntrySpec => ({
    protocol: 0,
    client: [client(4), 0],
    virtual: ['0.0.0.5', 0],
    dest: [server(4, n), 0],
    flags: FLAG.TEMPLATE | FLAG.DROUTE,
    fwmark: 5,
    timeout: 50,
  });
  tell(story, 'for the network', template(2));
  tell(story, 'for the mark', marked(1));
  story.dump(LIST, RULES, 'ipvsadm -Ln --persistent-conn');
  for (const n of [20, 21, 22])
    story.send('client', tcp(client(4, n), 9000, vip(4), 80, SYN), 'to its server');
  for (const port of [443, 444])
    story.send('client', tcp(client(4), 9001, vip(4), port, SYN), 'by the mark', { mark: 5 });
  story.dump(LIST);
  tell(story, 'another server for a known template', template(3, { timeout: 30 }));
  story.dump(LIST, RULES).send('client', tcp(client(4, 23), 9000, vip(4), 80, SYN), 'still its server');
  tell(story, 'a server that is not there', template(7, { client: ['10.1.1.0', 0] }));
  story.dump(LIST, 'ipvsadm -Ln --persistent-conn');
  return story.wait(70).dump(LIST).wait(60).dump(LIST).wait(60).dump(LIST).end();
}

/** Of the address in a template of protocol 0 only the first word counts, where a mark is. */
function marks6(): ScenarioFile {
  const story = new Story('sync_backup_marks6', 'IPv6 templates of fwmark services with whole addresses', [
    '-A -f 5 -6 -s rr -p 50',
    ...[1, 2].map((n) => `-a -f 5 -6 -r ${endpoint(server(6, n), 0)} -g`),
    START,
  ]);
  const marked = (virtual: string, n: number): EntrySpec => ({
    protocol: 0,
    client: [client(6), 0],
    virtual: [virtual, 0],
    dest: [server(6, n), 0],
    flags: FLAG.TEMPLATE | FLAG.DROUTE,
    timeout: 300,
  });
  tell(story, 'an address', marked(vip(6), 1));
  tell(story, 'another one, the same for the first word', marked('fd00:1::101', 2));
  tell(story, 'the mark', marked('0:5::', 1));
  tell(story, 'the mark and more', marked('0:5::1', 2));
  return story.dump(SYNC_LIST, LIST, 'ipvsadm -Ln --persistent-conn').end();
}

/** What a persistence engine has found. */
function engine(): ScenarioFile {
  const name = `-u ${vip(4)}:5060`;
  const story = new Story('sync_backup_sip', 'templates with a Call-ID', [
    `-A ${name} -s rr -p 60 --pe sip`,
    ...[1, 2].map((n) => `-a ${name} -r ${server(4, n)}:5060 -m`),
    START,
  ]);
  const template = (call: string, n: number, timeout = 60): EntrySpec => ({
    protocol: 17,
    client: [client(4), 0],
    virtual: [vip(4), 5060],
    dest: [server(4, n), 5060],
    flags: FLAG.TEMPLATE,
    state: 0,
    timeout,
    options: [option(2, ascii(call)), option(3, ascii('sip'))],
  });
  tell(story, 'two calls', template('a@b', 1), template('c@d', 1));
  tell(story, 'one again', template('a@b', 2, 90));
  story.dump(LIST, 'cat /proc/net/ip_vs_conn');
  for (const call of ['a@b', 'c@d', 'e@f']) {
    const text = `INVITE sip:x SIP/2.0\r\nCall-ID: ${call}\r\n\r\n`;
    story.send('client', udp(client(4), 5060 + call.charCodeAt(0), vip(4), 5060, { data: ascii(text) }));
  }
  return story.dump(LIST, 'cat /proc/net/ip_vs_conn').end();
}

/** Which server is meant: by the port of the message, by none, with a mark. */
function whichDest(): ScenarioFile {
  const story = new Story('sync_backup_dests', 'how the server of a connection is found', [
    `-A -t ${vip(4)}:0 -s rr -p 30`,
    `-a -t ${vip(4)}:0 -r ${server(4)}:0 -m`,
    `-a -t ${vip(4)}:0 -r ${server(4)}:8080 -m`,
    '-A -f 5 -s rr',
    `-a -f 5 -r ${server(4, 2)}:0 -m`,
    `-a -f 5 -r ${server(4, 2)}:8080 -m`,
    `-a -f 5 -r ${server(4, 3)} -g`,
    `-A -t ${vip(4)}:21 -s rr -p 30`,
    `-a -t ${vip(4)}:21 -r ${server(4, 4)}:21 -m`,
    START,
  ]);
  const to = (
    port: number,
    vport: number,
    dest: readonly [string, number],
    more: Partial<EntrySpec> = {},
  ): EntrySpec => ({
    client: [client(4), port],
    virtual: [vip(4), vport],
    dest,
    ...more,
  });
  const cases: Readonly<Record<string, EntrySpec>> = {
    'port 8080': to(100, 90, [server(4), 8080]),
    'another port': to(101, 90, [server(4), 8081]),
    'mark, NAT, port 8080': to(102, 90, [server(4, 2), 8080], { fwmark: 5 }),
    'mark, NAT, another port': to(103, 90, [server(4, 2), 8081], { fwmark: 5 }),
    'mark, DR, port 8080': to(104, 90, [server(4, 2), 8080], { fwmark: 5, flags: FLAG.DROUTE }),
    'mark, DR, another port': to(105, 90, [server(4, 3), 90], { fwmark: 5, flags: FLAG.DROUTE }),
    'a mark without service': to(106, 90, [server(4), 8080], { fwmark: 6 }),
    'port 21': to(107, 21, [server(4, 4), 21]),
    'port 20': to(108, 20, [server(4, 4), 20]),
    'a high port': to(109, 3000, [server(4, 4), 3000]),
    'FTP data without client port': to(0, 20, [server(4, 4), 20], {
      flags: FLAG.NO_CPORT,
      state: 9,
      timeout: 120,
    }),
    'a template of port 0': { ...to(0, 0, [server(4), 0]), flags: FLAG.TEMPLATE },
  };
  for (const [note, spec] of Object.entries(cases)) {
    tell(story, note, spec);
    story.dump(RULES);
  }
  story.send('client', tcp(client(4), 1500, vip(4), 20, SYN), 'fills the client port in').dump(SYNC_LIST);
  tell(story, 'with the port', to(1500, 20, [server(4, 4), 20]));
  return story.dump(SYNC_LIST).end();
}

/** What no master of this kernel sends, and what is made of it all the same. */
function unlikely(): ScenarioFile {
  const name = `-u ${vip(4)}:80`;
  const story = new Story(
    'sync_backup_unlikely',
    'templates with a client port, engine data without template, long times',
    [`-A ${name} -s rr`, `-a ${name} -r ${server(4)}:80 -g`, ...service(4, 'tcp', 'nat'), START],
  );
  const udpTo = (port: number, more: Partial<EntrySpec> = {}): EntrySpec =>
    entry(4, port, 'dr', { protocol: 17, state: 0, timeout: 300, ...more });
  tell(story, 'a template with a client port', udpTo(5000, { flags: FLAG.TEMPLATE | FLAG.DROUTE }));
  story
    .send('client', udp(client(4), 5000, vip(4), 80, { data: ascii('x') }), 'finds it')
    .dump(SYNC_LIST, RULES);
  const found = [option(2, ascii('a@b')), option(3, ascii('sip'))];
  for (const note of ['a connection with engine data', 'the same: looked for elsewhere, and not found'])
    tell(story, note, udpTo(5001, { options: found }));
  tell(story, 'the same without', udpTo(5001));
  story.dump(SYNC_LIST, RULES);
  for (const [i, timeout] of [2 ** 31 - 1, 2 ** 32 - 1, 31_536_000, 4_294_968, 21_474_837].entries())
    tell(story, `${timeout} s`, entry(4, 6000 + i, 'nat', { timeout }));
  return story.dump(SYNC_LIST).wait(40).dump(SYNC_LIST, LIST).end();
}

/** Times: version 0 tells none. */
function times(): ScenarioFile {
  const story = new Story('sync_backup_times', 'how long connections stay at a backup', [
    ...service(4, 'tcp', 'nat'),
    `-A -u ${vip(4)}:80 -s rr`,
    `-a -u ${vip(4)}:80 -r ${server(4)}:80 -g`,
    `-A --sctp-service ${vip(4)}:80 -s rr`,
    `-a --sctp-service ${vip(4)}:80 -r ${server(4)}:80 -g`,
    START,
    '--set 600 100 200',
  ]);
  const v0: EntrySpec[] = [];
  for (let state = 0; state < 11; state++)
    v0.push(entry(4, 2000 + state, 'nat', { state, flags: FLAG.INACTIVE }));
  v0.push(entry(4, 2100, 'dr', { protocol: 17, state: 0, dest: [server(4), 80] }));
  for (let state = 0; state < 14; state++)
    v0.push(entry(4, 2200 + state, 'dr', { protocol: 132, state, flags: FLAG.INACTIVE }));
  v0.push(entry(4, 0, 'nat', { state: 0, flags: FLAG.TEMPLATE }));
  story.send('rs9', syncPacket(server(4, 9), messageV0(v0.map(entryV0)))).dump(SYNC_LIST, RULES);
  tell(
    story,
    'times',
    ...[1, 2, 30, 1000, 86_400].map((timeout, i) => entry(4, 2300 + i, 'nat', { timeout })),
  );
  story.wait(0.4).dump(SYNC_LIST);
  for (const seconds of [10, 30, 50, 50, 100]) story.wait(seconds).dump(SYNC_LIST);
  return story.dump(RULES).end();
}

/** Thresholds count what comes from a master as well. */
function overload(): ScenarioFile {
  const name = `-t ${vip(4)}:80`;
  const story = new Story('sync_backup_thresholds', 'thresholds reached by synchronised connections', [
    `-A ${name} -s rr`,
    `-a ${name} -r ${server(4, 1)}:8080 -m -x 2 -y 1`,
    `-a ${name} -r ${server(4, 2)}:8080 -m`,
    START,
  ]);
  const flows = [5000, 5001, 5002, 5003].map((port) => new Flow(4, port));
  tell(story, 'two', entry(4, 4000, 'nat', { timeout: 5 }), entry(4, 4001, 'nat', { timeout: 5 }));
  for (const flow of flows) story.send('client', flow.ask(SYN));
  story.dump(LIST, RULES);
  tell(story, 'one more', entry(4, 4002, 'nat', { timeout: 30 }));
  story.wait(8).dump(RULES);
  for (const port of [5100, 5101]) story.send('client', new Flow(4, port).ask(SYN));
  return story.dump(LIST, RULES).end();
}

/** With `backup_only` a director that backs up leaves packets alone. */
function backupOnly(): ScenarioFile {
  const story = new Story('sync_backup_only', 'backup_only, while a backup runs and when it does not', [
    ...service(4, 'tcp', 'nat'),
    START,
  ]).sysctl({ backup_only: 1 });
  tell(story, 'a connection', entry(4, 5000));
  const flow = new Flow(4, 5000);
  const talk = (note: string): void => {
    story.send('client', flow.ask(ACK), note).send('rs1', flow.answer(ACK), note);
    story.send('client', new Flow(4, 5001).ask(SYN), `${note}, a new one`);
  };
  talk('the backup runs');
  story.change({ backup_only: 0 });
  talk('backup_only is off');
  story.change({ backup_only: 1 }).ipvsadm('--stop-daemon backup');
  talk('the backup is stopped');
  story.ipvsadm('--start-daemon master --mcast-interface s0');
  talk('a master runs');
  return story.dump(LIST).end();
}

/** Where messages are heard: interface, group, port, and how many ports. */
function places(): ScenarioFile {
  const story = new Story('sync_backup_places', 'interface, group and port of messages', [
    ...service(4, 'tcp', 'nat'),
    '--start-daemon backup --mcast-interface c0 --syncid 7 --mcast-group 239.1.2.3 --mcast-port 9000',
  ]).sysctl({ sync_ports: 2 });
  let port = 1000;
  const say = (
    from: 'client' | 'rs9',
    to: { group?: string; port?: number; ttl?: number },
    source?: string,
  ): void => {
    const address = source ?? (from === 'client' ? client(4) : server(4, 9));
    const note = `client port ${port}`;
    story.send(
      from,
      syncPacket(address, messageV1([entryV1(entry(4, port++))]), { group: '239.1.2.3', port: 9000, ...to }),
      note,
    );
  };
  const all = (): void => {
    say('client', {});
    say('client', { port: 9001 });
    say('client', { port: 9002 });
    say('client', { group: '239.1.2.4' });
    say('client', { group: '224.0.0.81', port: 8848 });
    say('rs9', {});
    say('client', { ttl: 200 });
    say('client', {}, '10.1.0.1');
    say('client', {}, '192.0.2.1');
    story.dump(SYNC_LIST, 'ipvsadm -L --daemon');
  };
  all();
  story.change({ sync_ports: 4 });
  all();
  story.ipvsadm('--stop-daemon backup');
  all();
  story.ipvsadm('--start-daemon backup --mcast-interface c0 --mcast-group 239.1.2.3 --mcast-port 9000');
  all();
  return story.end();
}

/** Over IPv6. */
function ipv6Group(): ScenarioFile {
  const story = new Story('sync_backup_group6', 'messages over IPv6', [
    ...service(4, 'tcp', 'nat'),
    ...service(6, 'tcp', 'nat'),
    '--start-daemon backup --mcast-interface s0 --syncid 7 --mcast-group ff02::81',
  ]);
  const say = (note: string, to: { group?: string; port?: number; ttl?: number }, spec: EntrySpec): void => {
    story.send(
      'rs9',
      syncPacket(server(6, 9), messageV1([entryV1(spec)]), { group: 'ff02::81', ...to }),
      note,
    );
  };
  say('IPv4 connection', {}, entry(4, 1000));
  say('IPv6 connection', {}, entry(6, 1001));
  say('another group', { group: 'ff02::82' }, entry(6, 1002));
  say('another port', { port: 8849 }, entry(6, 1003));
  tell(story, 'over IPv4', entry(4, 1004));
  return story.dump(SYNC_LIST, 'ipvsadm -L --daemon').end();
}

/** Both daemons: what a master tells is told on. */
function both(version: 0 | 1): ScenarioFile {
  const story = new Story(
    `sync_both_v${version}`,
    'a backup that is a master as well passes on what it uses',
    [
      ...service(4, 'tcp', 'nat', { servers: 2 }),
      '--start-daemon backup --mcast-interface s0 --syncid 7',
      '--start-daemon master --mcast-interface c0 --syncid 9',
    ],
  ).sysctl({ sync_version: version, sync_threshold: '1 2' });
  // the kernel tells random memory instead of the numbers in version 1
  const changed: Partial<EntrySpec> =
    version === 1
      ? {}
      : {
          flags: FLAG.IN_SEQ | FLAG.OUT_SEQ,
          options: [option(1, seqNumbers(1000, 10, 0, 0xffff_fff0, 0xffff_fffe, 7))],
        };
  tell(
    story,
    'two',
    entry(4, 5000, 'nat', changed),
    entry(4, 5001, 'nat', { state: 4, timeout: 120, flags: FLAG.INACTIVE }),
  );
  story.dump('ipvsadm -L --daemon', SYNC_LIST).wait(3.5);
  for (const port of [5000, 5001]) {
    const flow = new Flow(4, port);
    story
      .send('client', flow.ask(ACK, { seq: 2000 }))
      .send('rs1', flow.answer(ACK))
      .send('client', flow.ask(ACK, { seq: 2001 }));
  }
  story.wait(3.5);
  story
    .send('client', new Flow(4, 5001).ask(FIN | ACK))
    .wait(3.5)
    .dump(SYNC_LIST);
  story.ipvsadm('--stop-daemon master').ipvsadm('--stop-daemon master').dump('ipvsadm -L --daemon');
  tell(story, 'told again', entry(4, 5001, 'nat'));
  return story.dump(SYNC_LIST).end();
}

export const SYNC_BACKUP: readonly ScenarioFile[] = [
  ...([4, 6] as const).flatMap((ip) => (['nat', 'dr', 'tun'] as const).map((method) => takeover(ip, method))),
  updates(),
  unbound('nat', 4),
  unbound('dr', 4),
  unbound('tun', 4),
  unbound('nat', 6),
  methods(),
  templates(),
  marks6(),
  engine(),
  whichDest(),
  times(),
  unlikely(),
  overload(),
  backupOnly(),
  places(),
  ipv6Group(),
  both(0),
  both(1),
];
