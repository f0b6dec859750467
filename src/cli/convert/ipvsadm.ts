/** Rules of ipvsadm as a configuration: they are carried out in an engine of their own, and what they come to is written down. */
import type { DaemonSpec, Director, DirectorConfig } from '../../control/command.js';
import { Managed } from '../../daemon/config/managed.js';
import { readDefaults } from '../../daemon/config/running-state.js';
import { ServedNamespace } from '../../daemon/config/served-namespace.js';
import { startWithoutPackets } from '../../daemon/no-datapath.js';
import { IpvsError } from '../../errors.js';
import { changeOf } from '../ipvsadm/execute.js';
import type { NameResolver } from '../ipvsadm/names.js';
import { parseLine } from '../ipvsadm/parse.js';
import { restoreLines } from '../ipvsadm/restore.js';
import { Stop } from '../ipvsadm/stop.js';
import type { Note } from './note.js';

/** Of a line that only a shell understands. */
const SCRIPT =
  'not a rule as "ipvsadm -S" prints them; scripts are carried over by running them: docs/migrate.md';

/** What the lines of `text` come to: of `ipvsadm -S`, or of a script with ipvsadm commands. */
export async function convertRules(
  text: string,
  file: string,
  names: NameResolver,
  note: Note,
): Promise<DirectorConfig> {
  const datapath = startWithoutPackets({});
  try {
    const defaults = await readDefaults(datapath);
    const sync = new Map<string, DaemonSpec>();
    for (const [i, line] of text.split('\n').entries()) {
      const [words] = restoreLines(line);
      if (words === undefined || line.trimStart().startsWith('#')) continue;
      const problem = await carryOut(datapath, words, names, sync);
      if (problem !== undefined) note({ file, line: i + 1 }, `${line.trim()}: ${problem}`);
    }
    const served = new ServedNamespace(datapath, new Managed(defaults), defaults);
    const { timeouts = {}, services = [] } = await served.unusual();
    const config = { ...(Object.keys(timeouts).length > 0 && { timeouts }), services };
    return sync.size === 0 ? config : { ...config, sync: [...sync.values()] };
  } finally {
    await datapath.stop();
  }
}

/** @returns why a line has come to nothing */
async function carryOut(
  director: Director,
  words: readonly string[],
  names: NameResolver,
  sync: Map<string, DaemonSpec>,
): Promise<string | undefined> {
  if (!words[0]?.startsWith('-') || words.some((word) => /[$`]/.test(word))) return SCRIPT;
  try {
    const request = changeOf(await parseLine(words, names));
    if (request === undefined) return 'this is no rule';
    // these need the interfaces of the machine that they are for
    if (request.command === 'daemon.start') sync.set(request.args.daemon.state, request.args.daemon);
    else if (request.command === 'daemon.stop') sync.delete(request.args.state);
    else await director.execute(request.command, request.args);
    return undefined;
  } catch (error) {
    if (error instanceof Stop || error instanceof IpvsError) return error.message;
    throw error;
  }
}
