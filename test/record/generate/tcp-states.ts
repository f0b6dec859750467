/** TCP: every state that can be reached, and what every kind of segment makes of it. */

import { ACK, FIN, RST, SYN } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { type Ip, type Method, serverPort, service } from './place.js';
import { Story } from './story.js';

/** A segment: `c` from the client or `s` from the server, and its flags. */
type Step = readonly ['c' | 's', number];
/** States by name, and the segments that lead to them. */
type Recipes = Record<string, readonly Step[]>;

const OPEN: Step[] = [
  ['c', SYN],
  ['s', SYN | ACK],
  ['c', ACK],
];
// the hardened table believes the server only
const OPEN_SECURE: Step[] = [...OPEN, ['s', ACK]];

const after = (open: Step[], first: Recipes): Recipes => ({
  ...first,
  established: open,
  close_wait: [...open, ['c', FIN | ACK]],
  fin_wait: [...open, ['s', FIN | ACK]],
  time_wait: [...open, ['c', FIN | ACK], ['s', FIN | ACK]],
  close: [...open, ['c', RST]],
  syn_sent: [...open, ['s', FIN | ACK], ['s', SYN]],
});
const NORMAL = after(OPEN, { syn_recv: [['c', SYN]] });
const SECURE = after(OPEN_SECURE, {
  syn_recv: [['c', SYN]],
  synack: [
    ['c', SYN],
    ['s', SYN | ACK],
  ],
});

/** The director sees only the client: methods other than NAT. */
const ONE_SIDED: Recipes = {
  syn: [['c', SYN]],
  established: [
    ['c', SYN],
    ['c', ACK],
  ],
  fin_wait: [
    ['c', SYN],
    ['c', ACK],
    ['c', FIN | ACK],
  ],
  time_wait: [
    ['c', SYN],
    ['c', FIN | ACK],
  ],
  close: [
    ['c', SYN],
    ['c', ACK],
    ['c', RST],
  ],
};

const EVENTS: Record<string, number> = {
  SYN,
  'SYN+ACK': SYN | ACK,
  'FIN+ACK': FIN | ACK,
  ACK,
  RST,
  'no flag': 0,
};
const LIST = 'ipvsadm -Lnc';

function play(story: Story, flow: Flow, [side, flags]: Step, note: string): void {
  if (side === 'c') story.send('client', flow.ask(flags), note);
  else story.send('rs1', flow.answer(flags), note);
}

/** Every event from either side in one state, each on a connection of its own. */
function natState(ip: Ip, secure: boolean, state: string, recipe: readonly Step[]): ScenarioFile {
  const name = `tcp_table_nat${ip}${secure ? '_secure' : ''}_${state}`;
  const story = new Story(
    name,
    `NAT, ${secure ? 'secure' : 'normal'} table: each segment in ${state}`,
    service(ip, 'tcp', 'nat'),
  );
  // mode 0: a SYN meets the state, it does not begin a new connection
  story.sysctl({ secure_tcp: secure ? 3 : 0, conn_reuse_mode: 0 });
  const cases = (['c', 's'] as const).flatMap((side) =>
    Object.entries(EVENTS).map(([label, flags], i) => ({
      flow: new Flow(ip, (side === 'c' ? 5000 : 5100) + i),
      step: [side, flags] as const,
      note: `${side === 'c' ? 'client' : 'server'} ${label} in ${state}`,
    })),
  );
  for (const { flow } of cases) for (const step of recipe) play(story, flow, step, `towards ${state}`);
  story.dump(LIST);
  for (const { flow, step, note } of cases) play(story, flow, step, note);
  return story.dump(LIST, 'ipvsadm -Ln').end();
}

/** All states, from the client's side only. */
function oneSided(ip: Ip, method: Method, secure: boolean): ScenarioFile {
  const name = `tcp_table_${method}${ip}${secure ? '_secure' : ''}`;
  const story = new Story(name, `${method}: the client's segments in each state`, service(ip, 'tcp', method));
  story.sysctl({ secure_tcp: secure ? 3 : 0, conn_reuse_mode: 0 });
  const cases = Object.entries(ONE_SIDED).flatMap(([state, recipe], s) =>
    Object.entries(EVENTS).map(([label, flags], i) => ({
      flow: new Flow(ip, 5000 + 100 * s + i, 1, serverPort(method)),
      recipe,
      flags,
      note: `${label} in ${state}`,
    })),
  );
  for (const { flow, recipe } of cases) for (const step of recipe) play(story, flow, step, 'opening');
  story.dump(LIST);
  for (const { flow, flags, note } of cases) play(story, flow, ['c', flags], note);
  return story.dump(LIST, 'ipvsadm -Ln').end();
}

/** When connections in each state go away. */
function timeouts(name: string, ip: Ip, recipes: Recipes, set?: string): ScenarioFile {
  const story = new Story(name, 'how long a connection stays in each state', service(ip, 'tcp', 'nat'));
  if (set !== undefined) story.ipvsadm(set).dump('ipvsadm -L --timeout');
  Object.values(recipes).forEach((recipe, i) => {
    for (const step of recipe) play(story, new Flow(ip, 5000 + i), step, 'towards a state');
  });
  story.dump(LIST);
  // shortly before and, since long timers fire late, well after each timeout
  let passed = 0;
  for (const moment of [8, 13, 28, 38, 57, 72, 117, 140, 890, 1100]) {
    story.wait(moment - passed).dump(LIST);
    passed = moment;
  }
  return story.end();
}

/** Active and inactive connections of a server along a connection's life. */
function counts(ip: Ip): ScenarioFile {
  const story = new Story(
    `tcp_counts_nat${ip}`,
    'active and inactive counts after each segment',
    service(ip, 'tcp', 'nat'),
  );
  const steps: Step[] = [
    ...OPEN,
    ['c', FIN | ACK],
    ['s', FIN | ACK],
    ['c', ACK],
    ['c', SYN],
    ['s', RST | ACK],
  ];
  const flow = new Flow(ip, 5000);
  for (const step of steps) {
    play(story, flow, step, 'one connection');
    story.dump('ipvsadm -Ln', LIST);
  }
  return story.end();
}

/** secure_tcp switched on and off under connections. */
function switched(ip: Ip): ScenarioFile {
  const story = new Story(
    `tcp_secure_switch${ip}`,
    'secure_tcp changes under half-open connections',
    service(ip, 'tcp', 'nat'),
  );
  const [a, b, c] = [5000, 5001, 5002].map((port) => new Flow(ip, port));
  for (const flow of [a!, b!]) play(story, flow, ['c', SYN], 'normal table');
  story.change({ secure_tcp: 3 });
  play(story, a!, ['s', SYN | ACK], 'secure table');
  play(story, a!, ['c', ACK], 'secure table');
  play(story, c!, ['c', SYN], 'secure table');
  play(story, c!, ['s', SYN | ACK], 'secure table');
  story.dump(LIST).change({ secure_tcp: 0 });
  for (const flow of [a!, b!, c!]) play(story, flow, ['c', ACK], 'normal table again');
  return story.dump(LIST, 'ipvsadm -Ln').end();
}

/** What a first segment does that belongs to no connection. */
function first(ip: Ip, method: Method, sloppy: boolean): ScenarioFile {
  const name = `tcp_first_${method}${ip}${sloppy ? '_sloppy' : ''}`;
  const story = new Story(name, 'segments of no connection', service(ip, 'tcp', method)).sysctl({
    sloppy_tcp: Number(sloppy),
  });
  Object.entries({ ...EVENTS, 'SYN+RST': SYN | RST, 'SYN+FIN': SYN | FIN, FIN, 'all six': 63 }).forEach(
    ([label, flags], i) => {
      story.send('client', new Flow(ip, 5000 + i).ask(flags), label);
    },
  );
  return story.dump(LIST, 'ipvsadm -Ln').end();
}

export const TCP_STATES: readonly ScenarioFile[] = [
  ...Object.entries(NORMAL).map(([state, recipe]) => natState(4, false, state, recipe)),
  ...Object.entries(SECURE).map(([state, recipe]) => natState(4, true, state, recipe)),
  natState(6, false, 'established', NORMAL.established!),
  natState(6, false, 'time_wait', NORMAL.time_wait!),
  natState(6, true, 'synack', SECURE.synack!),
  oneSided(4, 'dr', false),
  oneSided(4, 'dr', true),
  oneSided(4, 'tun', false),
  oneSided(6, 'dr', false),
  oneSided(6, 'tun', true),
  timeouts('tcp_timeouts_nat4', 4, NORMAL),
  timeouts('tcp_timeouts_nat6', 6, NORMAL),
  timeouts('tcp_timeouts_set', 4, NORMAL, '--set 30 7 0'),
  counts(4),
  counts(6),
  switched(4),
  first(4, 'nat', true),
  first(6, 'nat', false),
  first(4, 'dr', true),
  first(6, 'tun', false),
];
