/** Explanations as text. */

import type { ConnEntry } from '../control/command.js';
import type {
  ExplainStep,
  Explanation,
  Outcome,
  PacketView,
  SentPacket,
  WeighedServer,
} from '../engine/explain/explanation.js';

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  sent: 'it is sent to the real server',
  reply: "it is a real server's reply, and goes on to the client",
  local: 'it is for this host itself, whose own stack takes it',
  'not-ip': 'it is no IP packet',
  'no-service-of-family': 'there is no service of its address family: it passes untouched',
  'protocol-not-balanced': 'its protocol is not balanced: it passes untouched',
  icmp: 'it is ICMP about nothing of ours: it passes untouched',
  'backup-only': 'this director only backs another one up (backup_only): it passes untouched',
  passing:
    'it is not addressed to this host and is no reply of a NAT server: it passes untouched (is the virtual address configured here?)',
  'no-service': 'no service matches: it passes untouched',
  'opens-nothing': 'it belongs to no connection and does not open one: it passes untouched',
  'drop-packet': 'the drop_packet defence drops it',
  'server-removed': 'the server of its connection was removed: it is dropped (expire_nodest_conn is 0)',
  'no-server': 'no server can take it',
  'port-not-served': 'the service found is not for its port, and not persistent',
  'no-persistence-data': 'the persistence engine finds nothing in it: it is dropped',
  'table-full': 'the connection table is full: it is dropped',
  'not-routed': 'it cannot be sent to the server',
  orphan: 'a real server sends it, of a connection that is not known (nat_icmp_send)',
  undecided: 'what comes next cannot be told beforehand',
  accepted: 'it passes untouched',
  dropped: 'it is dropped',
};

/** The explanation as lines. */
export function explanationLines(e: Explanation): string[] {
  const mark = e.fwmark === 0 ? '' : `, mark ${e.fwmark}`;
  return [
    `${packetText(e.packet)}  (${e.hook}${mark})`,
    ...e.steps.flatMap((step) => stepLines(step).map((line, i) => `${i === 0 ? '  ' : '      '}${line}`)),
    ...e.sent.map((sent) => `  sent    ${sentText(sent)}`),
    ...e.icmp.map(
      ({ name, mtu }) =>
        `  answer  ICMP ${name} to the packet's source${mtu === undefined ? '' : `, MTU ${mtu}`}`,
    ),
    `  => ${e.verdict ?? '?'}: ${OUTCOMES[e.outcome]}`,
  ];
}

/** A packet in one line. */
export function packetText(p: PacketView): string {
  const flags = p.flags === undefined ? '' : ` ${p.flags.join(',') || 'no flags'}`;
  const icmp = p.icmpType === undefined ? '' : ` type ${p.icmpType} code ${p.icmpCode}`;
  const from = endpoint(p.source, p.sourcePort);
  const to = endpoint(p.destination, p.destinationPort);
  return `${p.protocol} ${from} > ${to}${flags}${icmp}, TTL ${p.ttl}, ${p.length} bytes`;
}

function stepLines(s: ExplainStep): string[] {
  switch (s.step) {
    case 'connection-lookup': {
      const tuple = `${s.protocol} ${endpoint(s.source, s.sourcePort)} > ${endpoint(s.destination, s.destinationPort)}`;
      if (s.connection === undefined) return [`connection ${tuple}: none`];
      return [`connection ${tuple}: found, this is a ${s.found}`, connText(s.connection)];
    }
    case 'service-lookup':
      return [
        `service ${s.key}${WAYS[s.by]}: ${s.found ? `found, scheduler ${s.scheduler}${s.persistent === true ? ', persistent' : ''}` : 'none'}`,
      ];
    case 'drop-packet':
      return [
        `drop_packet: one of ${s.rate} is dropped; ${s.dropped ? 'this one' : 'not this one'} (counter ${s.counter})`,
      ];
    case 'template-lookup':
      return s.connection === undefined
        ? [`template ${s.key}: none`]
        : [`template ${s.key}: found`, connText(s.connection)];
    case 'template-refused':
      return [`template refused: its server ${s.server} ${REFUSALS[s.why]}`];
    case 'scheduler':
      return schedulerLines(s);
    case 'server-lookup':
      return [
        `real server ${endpoint(s.address, s.port)}: ${s.found ? `of ${s.service ?? 'a removed service'}` : 'none'}`,
      ];
    case 'connection-made':
      return [`${s.template ? 'template' : 'connection'} made, ${s.forward}`, connText(s.connection)];
    case 'connection-refused':
      return ['no connection made: the table is full'];
    case 'state':
      return [`state ${s.from} -> ${s.to}, timeout ${s.timeout} s`];
    case 'connection-ends':
      return ['the connection found ends', connText(s.connection)];
  }
}

const WAYS = {
  fwmark: ' by firewall mark',
  port: '',
  ftp: ' for FTP data',
  'any-port': ' for all ports',
} as const;
const REFUSALS = {
  removed: 'was removed',
  quiesced: 'has weight 0 (expire_quiescent_template)',
  'other-server': 'is not the one that sends',
} as const;

function schedulerLines(s: Extract<ExplainStep, { step: 'scheduler' }>): string[] {
  const chosen = s.chosen === undefined ? 'cannot be told' : (s.chosen ?? 'none');
  const figures = figureText(s.figures);
  return [
    `scheduler ${s.scheduler} chooses ${chosen}: ${s.rule ?? 'it does not say how'}${figures === '' ? '' : ` (${figures})`}`,
    ...s.servers.map((server) => `${server.chosen ? '*' : ' '} ${serverText(server)}`),
  ];
}

function serverText(s: WeighedServer): string {
  const threshold = s.uThreshold === 0 ? '' : `, threshold ${s.uThreshold}`;
  const why = s.excluded === undefined ? '' : `, ${s.excluded}`;
  const figures = figureText(s.figures);
  const configured = s.configuredWeight === undefined ? '' : ` of ${s.configuredWeight}`;
  const down = s.down === undefined ? '' : `, down: ${s.down}`;
  return `${endpoint(s.address, s.port)} weight ${s.weight}${configured}, active ${s.activeConns}, inactive ${s.inactConns}${threshold}${figures === '' ? '' : `, ${figures}`}${why}${down}`;
}

function figureText(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(
      ([name, value]) =>
        `${name.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`)} ${Math.round(value * 1e4) / 1e4}`,
    )
    .join(', ');
}

function sentText({ packet, to, forward, nextHop, ifindex, tunnel }: SentPacket): string {
  const way = nextHop === undefined ? "by this host's own stack" : `to ${nextHop}, interface ${ifindex}`;
  return `${packetText(packet)}, ${way} (${to === 'client' ? 'reply' : forward}${tunnel === undefined ? '' : `, ${tunnel}`})`;
}

function connText(c: ConnEntry): string {
  const client = endpoint(c.clientAddress, c.clientPort);
  const virtual = endpoint(c.virtualAddress, c.virtualPort);
  return `${c.protocol} ${client} ${virtual} ${endpoint(c.destAddress, c.destPort)} ${c.state} ${c.expires} s`;
}

function endpoint(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
