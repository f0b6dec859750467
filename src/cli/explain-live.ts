/** `ipvsd explain --live`: packets as they come, with what becomes of them; to the terminal, or into a file for Wireshark. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { ClientDirector } from '../control/client.js';
import { IpvsError } from '../errors.js';
import { pcapNg } from '../wire/pcap.js';
import { readEvents } from './events.js';
import { explanationLines } from './explain-text.js';
import { UsageError } from './usage-error.js';

/** Flags of the command line, as they were given. */
export interface LiveFlags {
  readonly write?: string;
  readonly json?: true;
  /** Packets after which to end. */
  readonly limit?: string;
  readonly netns?: string;
}

/**
 * Explains packets that match until `stop`.
 * @param words of the filter: a protocol, an address (or prefix, or address with port), or both; none for all packets.
 * @param note takes what is not part of the account.
 * @throws UsageError, INVALID when the file cannot be written, and the daemon's errors.
 */
export async function explainLive(
  director: ClientDirector,
  words: readonly string[],
  flags: LiveFlags,
  print: (line: string) => void,
  note: (line: string) => void,
  stop: AbortSignal,
): Promise<void> {
  const limit = flags.limit === undefined ? Number.POSITIVE_INFINITY : Number(flags.limit);
  if (!(limit > 0)) throw new UsageError(`--limit: "${flags.limit}" is not a number of packets`);
  const file = flags.write === undefined ? undefined : await openFile(flags.write);
  await file?.write(pcapNg.header('ipvsd'));
  const enough = new AbortController();
  stop.addEventListener('abort', () => enough.abort(), { once: true });
  const query = { kinds: 'packets', netns: flags.netns, ...filterOf(words) };
  let packets = 0;
  for await (const event of readEvents(director, query, enough.signal)) {
    if (event.event === 'lost') note(`${event.count} packets were not explained: they came too fast`);
    if (event.event !== 'packet') continue;
    const { explanation, bytes, time } = event;
    const lines = explanationLines(explanation);
    if (file !== undefined) {
      await file.write(pcapNg.packet(Buffer.from(bytes, 'hex'), Date.parse(time) * 1000, lines.join('\n')));
    } else if (flags.json === true) print(JSON.stringify(event));
    else for (const line of lines) print(line);
    if (++packets < limit) continue;
    enough.abort();
    break;
  }
  await file?.close();
  if (file !== undefined) note(`${packets} packets in ${flags.write}`);
}

function filterOf(words: readonly string[]): { protocol?: string; address?: string } {
  const [first, second, ...rest] = words;
  if (rest.length > 0) throw new UsageError('a filter is a protocol, an address, or both: tcp 10.1.0.100:80');
  if (first === undefined) return {};
  const isProtocol = /^[a-z]+$/i.test(first);
  if (second !== undefined && !isProtocol) throw new UsageError(`"${first}" is not a protocol`);
  const address = isProtocol ? second : first;
  return { ...(isProtocol && { protocol: first.toLowerCase() }), ...(address !== undefined && { address }) };
}

async function openFile(path: string) {
  const out = createWriteStream(path);
  try {
    await once(out, 'open');
  } catch (error) {
    throw new IpvsError('INVALID', `${path}: ${(error as Error).message}`);
  }
  return {
    async write(bytes: Uint8Array): Promise<void> {
      if (!out.write(bytes)) await once(out, 'drain');
    },
    async close(): Promise<void> {
      out.end();
      await once(out, 'close');
    },
  };
}
