/** What a configuration says of the daemon's own settings. */
import type { Change } from '../../control/command.js';
import { type DaemonSettings, SETTING_NAMES } from './config.js';

/** What it says and is not so. */
export function settingChanges(running: DaemonSettings, wanted: DaemonSettings): Change[] {
  return SETTING_NAMES.flatMap((name): Change[] => {
    const [before, after] = [text(running[name]), text(wanted[name])];
    if (after === undefined || after === before) return [];
    return [{ kind: 'setting', before: { name, value: before ?? 'default' }, after: { name, value: after } }];
  });
}

function text(value: DaemonSettings[keyof DaemonSettings]): string | number | undefined {
  return typeof value === 'object' ? value.join(', ') : typeof value === 'boolean' ? String(value) : value;
}
