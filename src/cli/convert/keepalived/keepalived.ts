/** keepalived.conf as a configuration: its virtual servers. VRRP and health checks are other things. */
import type { ConfiguredService, DirectorConfig } from '../../../control/command.js';
import { serviceId } from '../../../control/resource-id.js';
import type { Note } from '../note.js';
import { isNumber } from './real-server.js';
import { SourceReader } from './source-lines.js';
import { parseStatements, type Statement } from './statements.js';
import { parseGroup, parseKeys, type VirtualKey } from './virtual-keys.js';
import { convertVirtualServer } from './virtual-server.js';

const TIMEOUTS: Readonly<Record<string, 'tcp' | 'tcpFin' | 'udp'>> = {
  tcp: 'tcp',
  tcpfin: 'tcpFin',
  udp: 'udp',
};

/**
 * What the file comes to. What of it cannot be carried over is noted.
 * @throws BAD_CONFIG when it cannot be read at all
 */
export function convertKeepalived(text: string, file: string, note: Note): DirectorConfig {
  const statements = parseStatements(new SourceReader(note).read(text, file));
  const groups = new Map<string, Statement>();
  for (const statement of statements) {
    if (statement.words[0] === 'virtual_server_group') groups.set(statement.words[1] ?? '', statement);
  }
  const services = new Map<string, ConfiguredService>();
  const timeouts: NonNullable<DirectorConfig['timeouts']> = {};
  for (const statement of statements) {
    const [name = ''] = statement.words;
    if (name === 'virtual_server') {
      for (const service of convertVirtualServer(statement, keysOf(statement, groups, note), note)) {
        const id = serviceId(service);
        if (services.has(id)) note(statement, `${id} is there already`);
        else services.set(id, service);
      }
    } else if (name === 'global_defs') Object.assign(timeouts, readGlobals(statement, note));
    else if (name === 'SSL') {
      note(statement, 'SSL: checks show no certificate; "ca" and "verify" say whose a server must have');
    } else if (name !== 'virtual_server_group') {
      note(
        statement,
        `${statement.words.join(' ')}: not about virtual servers; keepalived can go on doing this`,
      );
    }
  }
  return { ...(Object.keys(timeouts).length > 0 && { timeouts }), services: [...services.values()] };
}

function keysOf(statement: Statement, groups: ReadonlyMap<string, Statement>, note: Note): VirtualKey[] {
  const [, ...words] = statement.words;
  const group = words[0] === 'group' ? groups.get(words[1] ?? '') : undefined;
  if (group !== undefined) {
    const { keys, unknown } = parseGroup(group);
    for (const entry of unknown) note(entry, `${entry.words.join(' ')}: not an address and port, nor a mark`);
    return keys;
  }
  const keys = parseKeys(words);
  if (keys?.length === 1) return keys;
  note(
    statement,
    `${statement.words.join(' ')}: expected an address and port, "fwmark N", or "group" and the name of one`,
  );
  return [];
}

/** What `global_defs` has for IPVS: `lvs_timeouts`. */
function readGlobals(globals: Statement, note: Note): NonNullable<DirectorConfig['timeouts']> {
  const timeouts: NonNullable<DirectorConfig['timeouts']> = {};
  for (const statement of globals.block ?? []) {
    const [name, ...words] = statement.words;
    if (name === 'lvs_timeouts') {
      for (let i = 0; i + 1 < words.length; i += 2) {
        const timeout = TIMEOUTS[words[i]!];
        if (timeout !== undefined && isNumber(words[i + 1])) timeouts[timeout] = Number(words[i + 1]);
      }
    } else if (name === 'lvs_sync_daemon') {
      note(
        statement,
        `${statement.words.join(' ')}: which daemon runs follows VRRP; "sync" in the configuration starts one or both`,
      );
    } else if (name?.startsWith('lvs_') && !name.startsWith('lvs_flush')) {
      note(statement, `${statement.words.join(' ')}: not carried over`);
    }
  }
  return timeouts;
}
