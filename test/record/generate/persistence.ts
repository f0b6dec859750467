/** Templates and their connections: which of them ends first. */
import { ACK, RST, SYN, tcp } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { client, vip } from './place.js';
import { Story } from './story.js';

const LISTS = ['ipvsadm -Lnc', 'ipvsadm -Ln --persistent-conn', 'ipvsadm -Ln'] as const;

/**
 * A template whose own time is over lives on for a minute at a time, as long as it controls a connection. The two timers then end in the same
 * tick, and that of the connection fires first.
 */
function timers(): ScenarioFile {
  const name = `-t ${vip(4)}:80`;
  const story = new Story(
    'persist_timers',
    'a template that is prolonged, and connections that end with it',
    [`-A ${name} -s rr -p 5 -M 255.255.0.0`, `-a ${name} -r 10.2.0.11:8080 -m`],
  );
  story.send('client', new Flow(4, 5000).ask(SYN)).wait(11.4);
  story
    .send('client', tcp(client(4, 21), 5000, vip(4), 80, SYN), 'uses the prolonged template')
    .dump(...LISTS);
  story.wait(66).dump(...LISTS);
  story.send('client', new Flow(4, 5001).ask(SYN)).send('client', new Flow(4, 5001).ask(ACK, { seq: 1001 }));
  story
    .wait(70)
    .dump(...LISTS)
    .wait(70)
    .dump(...LISTS);
  return story
    .wait(950)
    .dump(...LISTS)
    .end();
}

/** A connection whose time becomes shorter ends by that, not when the longer one would have. */
function shorter(): ScenarioFile {
  const name = `-t ${vip(4)}:80`;
  const flow = new Flow(4, 5000);
  const story = new Story('persist_shorter', 'connections that close late in the time that they had', [
    `-A ${name} -s rr`,
    `-a ${name} -r 10.2.0.11:8080 -m`,
  ]);
  story.send('client', flow.ask(SYN)).send('rs1', flow.answer(SYN | ACK));
  story.send('client', flow.ask(ACK, { seq: 1001 })).wait(893);
  story.send('client', flow.ask(RST, { seq: 1001 }), 'closed, with ten seconds to go').dump(...LISTS);
  return story
    .wait(15)
    .dump(...LISTS)
    .end();
}

export const PERSISTENCE: readonly ScenarioFile[] = [timers(), shorter()];
