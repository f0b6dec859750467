/** Sync messages that are not what they should be: which entries a backup takes, and which not. */
import { ascii, concat, filler } from '../../support/bytes.js';
import {
  type EntrySpec,
  entryV0,
  entryV1,
  FLAG,
  type HeaderSpec,
  messageV0,
  messageV1,
  option,
  seqNumbers,
  syncPacket,
} from '../../support/sync-messages.js';
import type { ScenarioFile } from '../format.js';
import { client, server, service, vip } from './place.js';
import { Story } from './story.js';

const SYNC_LIST = 'cat /proc/net/ip_vs_conn_sync';
const LISTS = [SYNC_LIST, 'ipvsadm -Ln', 'ipvsadm -Lnc'] as const;

const backup = (name: string, about: string, ...more: readonly string[]): Story =>
  new Story(name, about, [
    ...service(4, 'tcp', 'nat', { servers: 2 }),
    `-A -u ${vip(4)}:80 -s rr`,
    `-a -u ${vip(4)}:80 -r ${server(4)}:80 -g`,
    `--start-daemon backup --mcast-interface s0 --syncid 7${more.map((m) => ` ${m}`).join('')}`,
  ]);

/** A connection of client port `port` to the first server. */
const plain = (port: number, more: Partial<EntrySpec> = {}): EntrySpec => ({
  client: [client(4), port],
  virtual: [vip(4), 80],
  dest: [server(4), 8080],
  ...more,
});

const SEQ = seqNumbers(1, 2, 3, 4, 5, 6);
const BAD_SEQ = SEQ.subarray(0, 20);

/** By what is wrong: an entry of version 1. */
const ENTRIES: Readonly<Record<string, Partial<EntrySpec>>> = {
  'nothing is wrong': {},
  'type 2': { type: 2 },
  'type says IPv6': { type: 1 },
  'type 3 says IPv6 as well': { type: 3 },
  'version 1': { version: 1 },
  'shorter than it must be': { length: 35 },
  'longer than the message': { length: 2000 },
  'a byte behind it': { options: [Uint8Array.of(1)] },
  'an option without length': { options: [Uint8Array.of(0x41, 0)] },
  'an option that is cut': { options: [option(0x47, filler(4), 9)] },
  'an unknown option': { options: [option(7, filler(4))] },
  'an unknown option that may be passed over': { options: [option(0x47, filler(4))] },
  'option 0': { options: [option(0, filler(4))] },
  'option 0, may be passed over': { options: [option(0x40, filler(4))] },
  'sequence numbers': { flags: FLAG.IN_SEQ | FLAG.OUT_SEQ, options: [option(1, SEQ)] },
  'sequence numbers without their flags': { options: [option(1, SEQ)] },
  'sequence numbers are missing': { flags: FLAG.IN_SEQ },
  'sequence numbers, may be passed over': { flags: FLAG.IN_SEQ, options: [option(0x41, SEQ)] },
  'too few sequence numbers': { flags: FLAG.IN_SEQ, options: [option(1, BAD_SEQ)] },
  'sequence numbers twice': { options: [option(1, SEQ), option(1, SEQ)] },
  'data without a name': { options: [option(2, ascii('call'))] },
  'a name without data': { options: [option(3, ascii('sip'))] },
  'data of an unknown engine': { options: [option(2, ascii('call')), option(3, ascii('pis'))] },
  'data and name, no template': { options: [option(2, ascii('call')), option(3, ascii('sip'))] },
  'data twice': { options: [option(2, ascii('a')), option(2, ascii('b')), option(3, ascii('sip'))] },
  'name twice': { options: [option(2, ascii('a')), option(3, ascii('sip')), option(3, ascii('sip'))] },
  'a name of 16': { options: [option(2, ascii('a')), option(3, concat(ascii('sip'), new Uint8Array(13)))] },
  'a name of 17': { options: [option(2, ascii('a')), option(3, concat(ascii('sip'), new Uint8Array(14)))] },
  'protocol 0': { protocol: 0 },
  'protocol 47': { protocol: 47 },
  'protocol 50': { protocol: 50, state: 0 },
  'protocol 51': { protocol: 51, state: 0 },
  'protocol 51, state 1': { protocol: 51, state: 1 },
  'TCP state 0': { state: 0 },
  'TCP state 10': { state: 10 },
  'TCP state 11': { state: 11 },
  'TCP state 257': { state: 257 },
  'UDP state 0': { protocol: 17, state: 0 },
  'UDP state 1': { protocol: 17, state: 1 },
  'SCTP state 13': { protocol: 132, state: 13 },
  'SCTP state 14': { protocol: 132, state: 14 },
  'template state 1': { flags: FLAG.TEMPLATE },
  'template state 2': { flags: FLAG.TEMPLATE, state: 2 },
  'template state 256': { flags: FLAG.TEMPLATE, state: 256 },
  'template of protocol 47': { flags: FLAG.TEMPLATE, protocol: 47, state: 0 },
  'one-packet': { protocol: 17, state: 0, flags: FLAG.ONE_PACKET },
  'one-packet template': { flags: FLAG.ONE_PACKET | FLAG.TEMPLATE, state: 0 },
  'no client port': { flags: FLAG.NO_CPORT },
  'no client port, template': { flags: FLAG.NO_CPORT | FLAG.TEMPLATE, state: 0 },
  'every flag but template': { flags: 0xffff_efff },
  'every flag': { flags: 0xffff_ffff },
  'no time': { timeout: 0 },
  'no time, template': { flags: FLAG.TEMPLATE, state: 0, timeout: 0 },
  'a second': { timeout: 1 },
  'a server that is not there': { dest: [server(4, 5), 8080] },
  'a service that is not there': { virtual: [vip(4), 81] },
  'method 5': { flags: 5 },
  'a mark that has no service': { fwmark: 99 },
};

/** Each bad entry has a good one behind it, whose client port is 100 more. */
function entries(part: number, names: readonly string[]): ScenarioFile {
  const story = backup(
    `sync_backup_entries_${part}`,
    'a bad entry, and a good one behind it in the same message',
  );
  let port = 1000;
  for (const name of names) {
    const bad = entryV1(plain(port, ENTRIES[name]));
    story.send('rs9', syncPacket(server(4, 9), messageV1([bad, entryV1(plain(port + 10_000))])), name);
    port++;
  }
  return story.dump(...LISTS).end();
}

const HEADERS: Readonly<Record<string, HeaderSpec>> = {
  'nothing is wrong': {},
  'another id': { syncid: 8 },
  'id 0': { syncid: 0 },
  'size too small': { size: 43 },
  'size too large': { size: 45 },
  'version 2': { version: 2 },
  'version 0': { version: 0 },
  'reserved is not 0': { reserved: 1 },
  'spare is not 0': { spare: 1 },
  'no entries': { count: 0 },
  'more entries than there are': { count: 3 },
};

function headers(syncid: number): ScenarioFile {
  const story = new Story(`sync_backup_headers_${syncid}`, 'headers of messages', [
    ...service(4, 'tcp', 'nat'),
    `--start-daemon backup --mcast-interface s0 --syncid ${syncid}`,
  ]);
  const say = (message: Uint8Array, note: string): void => {
    story.send('rs9', syncPacket(server(4, 9), message), note);
  };
  let port = 2000;
  for (const [note, spec] of Object.entries(HEADERS)) say(messageV1([entryV1(plain(port++))], spec), note);
  say(
    messageV1([entryV1(plain(port++)), entryV1(plain(port++))], { count: 1 }),
    'fewer entries than there are',
  );
  say(concat(messageV1([entryV1(plain(port++))], { size: 48 }), new Uint8Array(4)), 'bytes behind it');
  const whole = messageV1([entryV1(plain(port++))]);
  for (const length of [0, 1, 3, 4, 5, 7, 8, 20, 43]) {
    const cut = whole.slice(0, length);
    if (length >= 4) cut[3] = length;
    say(cut, `${length} octets, and says so`);
  }
  port++;
  for (const [note, spec] of Object.entries(HEADERS).slice(0, 5)) {
    say(
      messageV0([entryV0(plain(port++))], { ...spec, ...(spec.size && { size: spec.size - 16 }) }),
      `v0, ${note}`,
    );
  }
  say(messageV0([entryV0(plain(port++))], { count: 3 }), 'v0, more entries than there are');
  say(messageV0([entryV0(plain(port++))], { count: 0 }), 'v0, no entries');
  return story.dump(...LISTS).end();
}

/** By what is wrong: an entry of version 0. */
const ENTRIES_V0: Readonly<Record<string, Partial<EntrySpec>>> = {
  'nothing is wrong': {},
  'sequence numbers': { flags: FLAG.IN_SEQ | FLAG.OUT_SEQ, options: [filler(24)] },
  'sequence numbers are missing': { flags: FLAG.IN_SEQ },
  'TCP state 10': { state: 10 },
  'TCP state 11': { state: 11 },
  'UDP state 0': { protocol: 17, state: 0 },
  'UDP state 1': { protocol: 17, state: 1 },
  'protocol 47': { protocol: 47 },
  template: { flags: FLAG.TEMPLATE, state: 0 },
  'template state 1': { flags: FLAG.TEMPLATE },
  'template state 2': { flags: FLAG.TEMPLATE, state: 2 },
  'one-packet': { protocol: 17, state: 0, flags: FLAG.ONE_PACKET },
  'one-packet template': { flags: FLAG.ONE_PACKET | FLAG.TEMPLATE, state: 0 },
  'no client port': { flags: FLAG.NO_CPORT },
  'no client port, template': { flags: FLAG.NO_CPORT | FLAG.TEMPLATE, state: 0 },
  hashed: { flags: FLAG.HASHED },
  'each state': { state: 2 },
  'a server that is not there': { dest: [server(4, 5), 8080] },
};

function entriesV0(): ScenarioFile {
  const story = backup('sync_backup_entries_v0', 'version 0: a bad entry, and a good one behind it');
  let port = 1000;
  for (const [note, spec] of Object.entries(ENTRIES_V0)) {
    const bad = entryV0(plain(port, spec));
    story.send('rs9', syncPacket(server(4, 9), messageV0([bad, entryV0(plain(port + 10_000))])), note);
    port++;
  }
  return story
    .dump(...LISTS)
    .wait(170)
    .dump(SYNC_LIST)
    .wait(60)
    .dump(SYNC_LIST)
    .end();
}

/** A message that is longer than the backup's buffer is cut, and then not as long as it says. */
function tooLong(): ScenarioFile {
  const story = backup('sync_backup_maxlen', 'messages of 1024 octets and more', '--sync-maxlen 1000');
  const many = (n: number, port: number): Uint8Array =>
    messageV1(Array.from({ length: n }, (_, i) => entryV1(plain(port + i))));
  story.send('rs9', syncPacket(server(4, 9), many(28, 3000)), '1016 octets');
  const filled = messageV1([
    ...Array.from({ length: 27 }, (_, i) => entryV1(plain(4000 + i))),
    entryV1(plain(4027, { options: [option(0x50, filler(6))] })),
  ]);
  story.send('rs9', syncPacket(server(4, 9), filled), '1024 octets');
  story.send('rs9', syncPacket(server(4, 9), many(29, 5000)), '1052 octets');
  return story.dump('ipvsadm -L --daemon', SYNC_LIST).end();
}

const NAMES = Object.keys(ENTRIES);

export const SYNC_MALFORMED: readonly ScenarioFile[] = [
  entries(1, NAMES.slice(0, 28)),
  entries(2, NAMES.slice(28)),
  entriesV0(),
  headers(7),
  headers(0),
  tooLong(),
];
