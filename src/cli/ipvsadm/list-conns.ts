/** `-L -c`: connections. */
import type { ConnEntry, ProtocolName } from '../../control/command.js';
import type { Column } from './columns.js';
import { type Context, query } from './context.js';
import { addrPortName, type NameResolver } from './names.js';

/** Rows that are asked for at a time. */
const PAGE = 1000;

/** Lists all connections in the director's order, page by page: the list may change between two pages. */
export async function listConns(context: Context, given: ReadonlySet<Column>): Promise<void> {
  const withPe = given.has('persistent-conn');
  const resolver = given.has('numeric') ? undefined : context.io.resolver;
  let cursor: number | undefined = 0;
  for (let first = true; cursor !== undefined; first = false) {
    const { entries, next }: { entries: ConnEntry[]; next?: number } = await query(context, 'conn.list', {
      cursor,
      limit: PAGE,
    });
    let text = first ? titles(withPe) : '';
    for (const entry of entries) text += await row(entry, withPe, resolver);
    context.io.stdout(text);
    cursor = next;
  }
}

function titles(withPe: boolean): string {
  const last = withPe ? `${'destination'.padEnd(18)} ${'pe name'.padEnd(16)} pe_data` : 'destination';
  return `IPVS connection entries\n${columns('pro', 'expire', 'state', 'source', 'virtual', last)}`;
}

async function row(entry: ConnEntry, withPe: boolean, resolver: NameResolver | undefined): Promise<string> {
  const protocol = portProtocol(entry.protocol);
  const [source, virtual, dest] = [
    await addrPortName(resolver, entry.clientAddress, entry.clientPort, protocol),
    await addrPortName(resolver, entry.virtualAddress, entry.virtualPort, protocol),
    await addrPortName(resolver, entry.destAddress, entry.destPort, protocol),
  ];
  const { peName, peData = '' } = entry;
  const last = withPe && peName !== undefined ? `${dest.padEnd(16)} ${peName.padEnd(18)} ${peData}` : dest;
  return columns(entry.protocol, minutes(entry.expires), entry.state, source, virtual, last);
}

function columns(
  protocol: string,
  expire: string,
  state: string,
  source: string,
  virtual: string,
  last: string,
): string {
  return `${protocol.padEnd(3)} ${expire.padEnd(6)} ${state.padEnd(11)} ${source.padEnd(18)} ${virtual.padEnd(18)} ${last}\n`;
}

/** `MM:SS`, and more digits of minutes when need be. */
function minutes(seconds: number): string {
  const part = (value: number) => String(value).padStart(2, '0');
  return `${part(Math.floor(seconds / 60))}:${part(seconds % 60)}`;
}

/** Ports of protocols without ports, such as those of templates of marks, have no names. */
function portProtocol(name: string): ProtocolName | undefined {
  const protocol = name.toLowerCase();
  return protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp' ? protocol : undefined;
}
