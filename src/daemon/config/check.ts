/** Everything that can be said of a configuration without the machine that it is for. */
import { dirname } from 'node:path';
import type { ServedConfig } from '../../control/command.js';
import type { SchedulerRegistry } from '../../engine/schedulers/registry.js';
import { IpvsError } from '../../errors.js';
import { uncheckedDirector } from '../checked-datapath.js';
import type { Datapath } from '../datapath.js';
import { startWithoutPackets } from '../no-datapath.js';
import { loadSchedulers } from '../schedulers.js';
import { type Config, settingsOf } from './config.js';
import { dryRun } from './dry-run.js';
import { configError } from './problems.js';
import { ConfigReader } from './reader.js';
import { openSource, problemsOf } from './source.js';

/**
 * The configuration in `text`, checked: what is in it, and what IPVS says to it.
 * @param file what messages call it.
 * @throws BAD_CONFIG with all problems and their places.
 */
export async function checkConfig(text: string, file: string): Promise<Config> {
  const config = await new ConfigReader().read(text, file);
  const errors = await errorsOf(config, dirname(file));
  if (errors.length > 0) throw configError(file, text, problemsOf(openSource(text), errors));
  return config;
}

/** What IPVS would refuse, with the schedulers that the configuration brings along. */
async function errorsOf(config: Config, folder: string): Promise<IpvsError[]> {
  const { schedulers: modules = [] } = settingsOf(config, folder);
  try {
    return await tryConfig(config, await loadSchedulers(modules, () => {}));
  } catch (error) {
    if (error instanceof IpvsError) return [error];
    throw error;
  }
}

/** What IPVS would refuse of `config`, in engines of its own. @param schedulers @default the kernel's */
export async function tryConfig(config: ServedConfig, schedulers?: SchedulerRegistry): Promise<IpvsError[]> {
  const opened: Datapath[] = [];
  try {
    return await dryRun(() => {
      const datapath = startWithoutPackets({}, schedulers);
      opened.push(datapath);
      return uncheckedDirector(datapath);
    }, config);
  } finally {
    for (const datapath of opened) await datapath.stop();
  }
}
