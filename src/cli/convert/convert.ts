/** `ipvsd convert`: configurations of others as ours. */
import type { DirectorConfig } from '../../control/command.js';
import { tryConfig } from '../../daemon/config/check.js';
import { configText } from '../../daemon/config/yaml-text.js';
import { readSource } from '../config/read-source.js';
import { systemNames } from '../ipvsadm/system-names.js';
import { UsageError } from '../usage-error.js';
import { convertRules } from './ipvsadm.js';
import { convertKeepalived } from './keepalived/keepalived.js';
import { noteText } from './note.js';

/** What a file was turned into. */
export interface Converted {
  /** The configuration. */
  readonly text: string;
  /** What could not be carried over, each with its file and line. */
  readonly notes: readonly string[];
}

const KINDS = ['ipvsadm', 'keepalived'] as const;

/**
 * Converts a file.
 * @param from what it is; by its content when left out.
 * @throws UsageError, BAD_CONFIG
 */
export async function convert(path: string, from?: string): Promise<Converted> {
  const { text, file } = readSource(path);
  const kind = from === undefined ? kindOf(text) : KINDS.find((name) => name === from);
  if (kind === undefined) throw new UsageError(`--from: "${from}" is not a kind (${KINDS.join(', ')})`);
  const notes: string[] = [];
  const note = (place: { file: string; line: number }, remark: string): void => {
    notes.push(noteText(place, remark));
  };
  const config: DirectorConfig =
    kind === 'ipvsadm'
      ? await convertRules(text, file, systemNames(), note)
      : convertKeepalived(text, file, note);
  for (const { message } of await tryConfig(config)) notes.push(`refused by IPVS: ${message}`);
  return { text: configText(config), notes };
}

/** Blocks are keepalived's; rules have options. */
function kindOf(text: string): (typeof KINDS)[number] {
  return /^[ \t]*(virtual_server|global_defs|vrrp_|include)/m.test(text) ? 'keepalived' : 'ipvsadm';
}
