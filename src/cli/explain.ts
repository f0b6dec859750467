/** `ipvsd explain`: what the director would do with a packet. */
import { readFileSync } from 'node:fs';
import type { Director } from '../control/command.js';
import type { PacketSpec } from '../control/packet-spec.js';
import { IpvsError } from '../errors.js';
import { CaptureError, readCapture } from '../wire/pcap.js';
import { explanationLines } from './explain-text.js';
import { UsageError } from './usage-error.js';

/** Flags of the command line, as they were given. */
export interface ExplainFlags {
  readonly flags?: string;
  readonly mark?: string;
  readonly hook?: string;
  readonly ttl?: string;
  readonly length?: string;
  readonly pcap?: string;
  readonly packet?: string;
  readonly json?: true;
}

/**
 * Explains one packet, or those of a file.
 * @param words protocol, source and destination; none with a file.
 * @param print takes a line without its end.
 * @throws UsageError, and the daemon's errors.
 */
export async function explain(
  director: Director,
  words: readonly string[],
  flags: ExplainFlags,
  print: (line: string) => void,
): Promise<void> {
  const specs =
    flags.pcap === undefined ? [{ label: '', spec: described(words, flags) }] : captured(words, flags);
  for (const { label, spec } of specs) {
    const explanation = await director.execute('explain', { packet: spec });
    if (flags.json) print(JSON.stringify(explanation));
    else
      for (const [i, line] of explanationLines(explanation).entries())
        print(i === 0 ? `${label}${line}` : line);
  }
}

function described(words: readonly string[], flags: ExplainFlags): PacketSpec {
  const [protocol, source, target, ...rest] = words;
  if (source === undefined || target === undefined || rest.length > 0) {
    throw new UsageError(
      'expected a protocol, a source and a destination: tcp 10.1.0.10:40000 10.1.0.100:80',
    );
  }
  const from = endpoint(source);
  const to = endpoint(target);
  const spec = {
    protocol,
    source: from.address,
    sourcePort: from.port,
    destination: to.address,
    destinationPort: to.port,
    ...(flags.flags !== undefined && {
      flags: flags.flags
        .toLowerCase()
        .split(',')
        .filter((name) => name !== ''),
    }),
    ...(flags.ttl !== undefined && { ttl: whole('--ttl', flags.ttl) }),
    ...(flags.length !== undefined && { length: whole('--length', flags.length) }),
    ...about(flags),
  };
  // the director checks what the words are
  return spec as PacketSpec;
}

function* captured(
  words: readonly string[],
  flags: ExplainFlags,
): Generator<{ label: string; spec: PacketSpec }> {
  if (words.length > 0) throw new UsageError('--pcap FILE stands for the packet');
  const only = flags.packet === undefined ? undefined : whole('--packet', flags.packet);
  const path = flags.pcap!;
  try {
    for (const { number, bytes } of readCapture(readFileSync(path))) {
      if (only !== undefined && number !== only) continue;
      const spec = { bytes: Buffer.from(bytes).toString('hex'), ...about(flags) } as PacketSpec;
      yield { label: `#${number} `, spec };
    }
  } catch (error) {
    if (!(error instanceof CaptureError) && (error as NodeJS.ErrnoException).syscall === undefined)
      throw error;
    throw new IpvsError('INVALID', `${path}: ${(error as Error).message}`);
  }
}

function about(flags: ExplainFlags): { fwmark?: number; hook?: string } {
  return {
    ...(flags.mark !== undefined && { fwmark: whole('--mark', flags.mark) }),
    ...(flags.hook !== undefined && { hook: flags.hook }),
  };
}

/** `10.1.0.10:80`, `[fd00::1]:80`, or an address alone. */
function endpoint(text: string): { address: string; port: number } {
  const match = /^\[(.+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([^:]+)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return { address: text, port: 0 };
  return { address: match[1]!, port: Number(match[2] ?? 0) };
}

function whole(flag: string, text: string): number {
  const hex = /^0x[0-9a-f]{1,8}$/i.test(text);
  if (!hex && !/^\d{1,10}$/.test(text)) throw new UsageError(`${flag}: "${text}" is not a whole number`);
  return Number(text);
}
