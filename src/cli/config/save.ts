/** `ipvsd save`: what runs, as a configuration. */
import { existsSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import type { Director } from '../../control/command.js';
import { readText } from '../../daemon/config/config-file.js';
import { configText } from '../../daemon/config/yaml-text.js';

/** What runs as a new text. */
export async function savedText(director: Director): Promise<string> {
  return configText(await director.execute('config.get', {}));
}

/**
 * Writes what runs into `file`. In one that is there only what differs is changed: comments, order and the daemon's settings stay.
 * @throws BAD_CONFIG when the file there is no configuration
 */
export async function saveTo(director: Director, file: string): Promise<void> {
  if (!existsSync(file)) return writeFileSync(file, await savedText(director));
  const { text } = await director.execute('config.merge', { text: readText(file), file });
  replaceFile(file, text);
}

/** The file is there as it was or as a whole, never in part. */
function replaceFile(file: string, text: string): void {
  const path = realpathSync(file);
  writeFileSync(`${path}.new`, text, { mode: statSync(path).mode });
  renameSync(`${path}.new`, path);
}
