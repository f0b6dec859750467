/** FTP through NAT, where connection tracking has seen packets that IPVS has not taken, or the other way round. */
import { ascii, filler } from '../../support/bytes.js';
import { ACK, csum, frag4, frag6, PSH, RST, SYN, tcp, udp } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { client, director, endpoint, type Ip, server, vip } from './place.js';
import { Story } from './story.js';

const LIST = 'ipvsadm -Lnc';
const PORT = 40_000;

const rules = (ip: Ip): string[] => [
  `-A -t ${endpoint(vip(ip), 21)} -s rr`,
  `-a -t ${endpoint(vip(ip), 21)} -r ${endpoint(server(ip), 21)} -m`,
];

/** Both ends of one TCP connection, each with its own next number. */
class Talk {
  readonly story: Story;
  readonly ip: Ip;
  readonly clientPort: number;
  readonly port: number;
  asked: number;
  answered: number;
  /** Bytes by which the client has seen more of the server. */
  grown = 0;

  constructor(story: Story, ip: Ip, clientPort: number, port: number, asked = 1000, answered = 5000) {
    this.story = story;
    this.ip = ip;
    this.clientPort = clientPort;
    this.port = port;
    this.asked = asked;
    this.answered = answered;
  }

  ask(flags: number, text = '', note?: string): this {
    const data = ascii(text);
    const ack = (flags & ACK) !== 0 ? this.answered + this.grown : 0;
    const { ip, clientPort, port } = this;
    const packet = tcp(client(ip), clientPort, vip(ip), port, flags, { seq: this.asked, ack, data });
    this.story.send('client', packet, note, ip === 6 ? { offload: true } : {});
    this.asked += data.length + (flags & SYN ? 1 : 0);
    return this;
  }

  answer(flags: number, text = '', note?: string): this {
    const data = ascii(text);
    const ack = (flags & ACK) !== 0 ? this.asked : 0;
    const { ip, clientPort, port } = this;
    const packet = tcp(server(ip), port, client(ip), clientPort, flags, { seq: this.answered, ack, data });
    this.story.send('rs1', packet, note);
    this.answered += data.length + (flags & SYN ? 1 : 0);
    return this;
  }

  open(): this {
    return this.ask(SYN)
      .answer(SYN | ACK)
      .ask(ACK);
  }
}

/** The server connects before the client's PORT has come by: what it opened then is not the VIP's. */
function overtaken(ip: Ip): ScenarioFile {
  const story = new Story(
    `ftp_overtaken${ip}`,
    'a data connection overtakes the command that tells of it',
    rules(ip),
  );
  const control = new Talk(story, ip, PORT, 21).open();
  const active = new Talk(story, ip, 30_000, 20);
  active.answer(SYN, '', 'nobody knows of it');
  control.ask(
    PSH | ACK,
    ip === 4 ? `PORT ${client(4).replaceAll('.', ',')},117,48\r\n` : `EPRT |2|${client(6)}|30000|\r\n`,
  );
  story.dump(LIST);
  active.ask(SYN | ACK, '', 'its tuple behind NAT is taken');
  active.answered--;
  active
    .answer(SYN, '', 'once more')
    .ask(ACK)
    .answer(PSH | ACK, 'data')
    .ask(ACK);
  const later = new Talk(story, ip, 30_001, 20);
  control.ask(
    PSH | ACK,
    ip === 4 ? `PORT ${client(4).replaceAll('.', ',')},117,49\r\n` : `EPRT |2|${client(6)}|30001|\r\n`,
  );
  later
    .answer(SYN, '', 'in order')
    .ask(SYN | ACK)
    .answer(ACK)
    .answer(PSH | ACK, 'data')
    .ask(ACK);
  if (ip === 4) {
    control.ask(PSH | ACK, 'PASV\r\n');
    const passive = new Talk(story, ip, 50_000, 30_010).ask(SYN, '', 'before the reply');
    control.answer(PSH | ACK, '227 (10,2,0,11,117,58)\r\n');
    passive.asked--;
    passive
      .ask(SYN, '', 'once more')
      .answer(SYN | ACK)
      .ask(ACK);
  }
  return story.dump(LIST, 'ipvsadm -Ln').end();
}

/** Packets that went to nobody, or elsewhere, before there was a service for them. */
function before(): ScenarioFile {
  const other = [`-A -t 10.1.0.101:21 -s rr`, `-a -t 10.1.0.101:21 -r ${server(4, 2)}:21 -m`];
  const story = new Story(
    'ftp_tracked_before',
    'connections that tracking knew before their service was there',
    [...other],
  ).sysctl({ sloppy_tcp: 1 });
  const control = new Talk(story, 4, PORT, 21);
  control.answer(ACK, '', 'from the server that will be').ask(ACK, '', 'to the director itself');
  const refused = new Talk(story, 4, PORT + 1, 21).ask(SYN, '', 'refused');
  for (const rule of rules(4)) story.ipvsadm(rule);
  control.ask(ACK, '', 'the tuple behind NAT is taken').answer(ACK);
  new Talk(story, 4, PORT + 1, 21, refused.asked, 7000).open().ask(PSH | ACK, 'PASV\r\n');
  story.dump(LIST);
  story.wait(310);
  const again = new Talk(story, 4, PORT, 21, 2000, 8000).open();
  again.ask(PSH | ACK, 'PASV\r\n').answer(PSH | ACK, '227 (10,2,0,11,117,48)\r\n');
  again.grown = 1;
  again.ask(ACK).answer(PSH | ACK, '226 done\r\n');
  return story.dump(LIST).end();
}

/** The service is taken away and comes back; in the meantime nothing is tracked. */
function withoutService(): ScenarioFile {
  const story = new Story('ftp_service_returns', 'control connections while their service is gone', rules(4));
  const [open, closing] = [PORT, PORT + 1].map((port) => new Talk(story, 4, port, 21).open()) as [Talk, Talk];
  closing.ask(RST);
  story.ipvsadm(`-D -t ${vip(4)}:21`);
  for (const talk of [open, closing]) {
    talk.ask(PSH | ACK, 'NOOP\r\n', 'lost').answer(PSH | ACK, '200 ok\r\n', 'passes as it is');
  }
  for (const rule of rules(4)) story.ipvsadm(rule);
  for (const talk of [open, closing]) {
    talk.ask(PSH | ACK, 'PASV\r\n').answer(PSH | ACK, '227 (10,2,0,11,117,48)\r\n');
    talk.grown = 1;
    talk.ask(ACK).answer(PSH | ACK, '226 done\r\n');
  }
  return story.dump(LIST).end();
}

/** A conversation that tracking joined in the middle, and that begins anew: the server's numbers stay free, the client's do not. */
function reopened(): ScenarioFile {
  const story = new Story(
    'ftp_reopened',
    'another connection in the place of one that tracking had joined',
    rules(4),
  );
  const first = new Talk(story, 4, PORT, 21).open();
  first.ask(PSH | ACK, 'PASV\r\n').answer(PSH | ACK, '227 (10,2,0,11,117,48)\r\n');
  first.grown = 1;
  first.ask(RST);
  story.wait(20);
  first
    .ask(PSH | ACK, 'NOOP\r\n', 'joined')
    .answer(PSH | ACK, '200 ok\r\n')
    .ask(ACK);
  const second = new Talk(story, 4, PORT, 21, 900_000, 900_000).open();
  second.ask(PSH | ACK, 'PASV\r\n');
  second.answered += 500_000;
  second.answer(PSH | ACK, '227 (10,2,0,11,117,58)\r\n', 'far ahead');
  second.asked += 500_000;
  second.ask(ACK, '', 'far ahead');
  return story.dump(LIST).end();
}

/** An error quotes what the card would have completed. */
function unreachable(): ScenarioFile {
  const [service, server1] = rules(4) as [string, string];
  const story = new Story('ftp_unreachable', 'packets for a server that does not answer on its link', [
    service,
    server1.replace(server(4), '10.2.0.99'),
  ]);
  for (const offload of [false, true])
    story.send('client', tcp(client(4), PORT, vip(4), 21, SYN), undefined, offload ? { offload } : {});
  return story.wait(4).dump(LIST).end();
}

/** IPv4 pieces of what said that it must not be cut. */
function unwilling(packet: Uint8Array, size: number): Uint8Array[] {
  return frag4(packet, size).map((piece) => {
    const copy = piece.slice();
    const view = new DataView(copy.buffer);
    view.setUint16(6, view.getUint16(6) | 0x4000);
    view.setUint16(10, 0);
    view.setUint16(10, csum(copy.subarray(0, 20)));
    return copy;
  });
}

/** Tracking puts datagrams together before it is known where they go. */
function inPieces(ip: Ip): ScenarioFile {
  const story = new Story(
    `ftp_in_pieces${ip}`,
    'fragments, those of the control connection and others, while an FTP service is there',
    rules(ip),
  );
  const cut = (packet: Uint8Array, size: number, id: number): Uint8Array[] =>
    ip === 6 ? frag6(packet, size, id) : frag4(packet, size);
  const send = (from: string, pieces: readonly Uint8Array[], note: string): void => {
    for (const piece of pieces) story.send(from, piece, note);
  };
  const control = new Talk(story, ip, PORT, 21).open();
  control.ask(PSH | ACK, ip === 6 ? 'EPSV\r\n' : 'PASV\r\n');
  const reply = ip === 6 ? '229 Extended Passive Mode (|||30000|)\r\n' : '227 (10,2,0,11,117,48)\r\n';
  const answer = tcp(server(ip), 21, client(ip), PORT, PSH | ACK, {
    seq: control.answered,
    ack: control.asked,
    data: ascii(reply),
    df: false,
  });
  send('rs1', cut(answer, 24, 1), 'the reply');
  const plain = (id: number): Uint8Array =>
    udp(server(ip), 5000, client(ip), 6000, { data: filler(100), id, df: false });
  send('rs1', cut(plain(2), 40, 2), 'passed on');
  send('rs1', cut(plain(3), 40, 3).slice(0, 2), 'to be passed on, never whole');
  const own = udp(client(ip), 6000, director(ip), 5000, { data: filler(100), id: 4, df: false });
  send('client', cut(own, 40, 4).slice(0, 2), 'for the director, never whole');
  if (ip === 4) {
    const large = udp(server(4), 5000, client(4), 6000, { data: filler(2000), id: 5 });
    send('rs1', unwilling(large, 1000), 'not to be cut, larger than the link');
    send('rs1', unwilling(large, 1480), 'not to be cut, as large as the link');
  }
  return story.dump(LIST).wait(70).dump(LIST).end();
}

export const FTP_TRACKING: readonly ScenarioFile[] = [
  overtaken(4),
  overtaken(6),
  before(),
  withoutService(),
  reopened(),
  unreachable(),
  inPieces(4),
  inPieces(6),
];
