/** The shape of an explanation. Each kind of step has fields of its own, which docs/observe.md lists. */
import type { ExplainStep, Explanation, PacketView, SentPacket } from '../engine/explain/explanation.js';
import { connEntry } from './fields.js';
import {
  anyText,
  described,
  type JsonSchema,
  list,
  named,
  number,
  object,
  oneOf,
  optional,
  type Shape,
} from './shape.js';

/** Only describes a result: what the engine makes is not checked again. */
function made<T>(what: string, schema: JsonSchema): Shape<T> {
  return { what, schema, read: (value) => value as T };
}

const packetView: Shape<PacketView> = object({
  protocol: anyText,
  source: anyText,
  destination: anyText,
  sourcePort: optional(number),
  destinationPort: optional(number),
  flags: optional(list(anyText)),
  ttl: number,
  length: number,
  icmpType: optional(number),
  icmpCode: optional(number),
});

const STEPS: readonly ExplainStep['step'][] = [
  'connection-lookup',
  'service-lookup',
  'drop-packet',
  'template-lookup',
  'template-refused',
  'scheduler',
  'server-lookup',
  'connection-made',
  'connection-refused',
  'state',
  'connection-ends',
];

const step = made<ExplainStep>('a step', {
  type: 'object',
  properties: { step: { type: 'string', enum: STEPS }, connection: connEntry.schema },
  required: ['step'],
});

const sent: Shape<SentPacket> = object({
  packet: packetView,
  to: oneOf('a side', ['server', 'client']),
  forward: optional(anyText),
  nextHop: described(optional(anyText), "Absent when the director's own stack sends it on."),
  ifindex: optional(number),
  tunnel: optional(oneOf('a tunnel', ['ipip', 'gue', 'gre'])),
});

/** What would become of a packet. */
export const explanation = named<Explanation>(
  'Explanation',
  object({
    packet: packetView,
    hook: oneOf('a hook', ['input', 'forward', 'output']),
    fwmark: number,
    steps: list(step),
    verdict: described(
      optional(oneOf('a verdict', ['accept', 'drop', 'steal'])),
      'Absent when nobody can tell beforehand.',
    ),
    outcome: made<Explanation['outcome']>('an outcome', { type: 'string' }),
    sent: list(sent),
    icmp: list(object({ type: number, code: number, name: anyText, mtu: optional(number) })),
  }),
);
