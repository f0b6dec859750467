/** The little of DNS (RFC 1035) that a check needs: a question, and how it was answered. */

/** What is asked. */
export interface Question {
  /** `.` for the root. */
  readonly name: string;
  readonly type: keyof typeof TYPES;
}

/** Record types by name. */
const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28 } as const;
const CLASS_IN = 1;
/** Recursion is desired. */
const FLAGS = 0x0100;
const RESPONSE = 0x8000;
const HEADER = 12;
const LABEL_MAX = 63;

/** Names of response codes. */
export const RCODES: readonly string[] = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** A query with one question. @throws when a label of the name is too long */
export function dnsQuestion(id: number, { name, type }: Question): Buffer {
  const labels = name
    .split('.')
    .filter((label) => label !== '')
    .map((label) => Buffer.from(label));
  const pieces: Buffer[] = [];
  for (const label of labels) {
    if (label.length > LABEL_MAX) throw new Error(`"${label}" is too long for a part of a domain name`);
    pieces.push(Buffer.of(label.length), label);
  }
  const header = Buffer.alloc(HEADER);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(FLAGS, 2);
  header.writeUInt16BE(1, 4);
  return Buffer.concat([header, ...pieces, Buffer.of(0, 0, TYPES[type], 0, CLASS_IN)]);
}

/** The response code of an answer to the question `id`; undefined for anything else. */
export function rcodeOf(message: Buffer, id: number): number | undefined {
  if (message.length < HEADER || message.readUInt16BE(0) !== id) return undefined;
  const flags = message.readUInt16BE(2);
  return (flags & RESPONSE) === 0 ? undefined : flags & 0xf;
}
