/** Applying the configuration file, at the start and whenever it is to be read anew. */
import type { Change, Director } from '../control/command.js';
import { readText } from './config/config-file.js';
import type { Logger } from './logger.js';
import type { ServiceManager } from './notify.js';

/** Applies the file. @throws BAD_CONFIG, and nothing has changed */
export async function applyFile(director: Director, path: string): Promise<Change[]> {
  const { changes } = await director.execute('config.apply', { text: readText(path), file: path });
  return changes;
}

/** Applies the file as it is now, and logs what came of it. When it cannot be applied, everything stays as it was. */
export async function reload(
  director: Director,
  file: { readonly path: string } | undefined,
  log: Logger,
  manager: ServiceManager,
): Promise<void> {
  manager.notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  if (file === undefined) log.warn('nothing to read again: started without --config');
  else await applyAndLog(director, file.path, log);
  manager.notify('READY=1');
}

async function applyAndLog(director: Director, path: string, log: Logger): Promise<void> {
  try {
    const changes = await applyFile(director, path);
    for (const change of changes) {
      if (change.kind !== 'setting') continue;
      const { name, value } = change.after;
      log.warn('setting not changed: it takes a restart', { setting: name, wanted: value });
    }
    log.info('configuration applied', { file: path, changes: changes.length });
  } catch (error) {
    log.error('configuration not applied', { file: path, error: (error as Error).message });
  }
}
