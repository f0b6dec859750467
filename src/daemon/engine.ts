/** The engine of a network namespace, as the configuration wants it. */
import type { Host } from '../engine/host.js';
import { Net } from '../engine/net.js';
import type { SchedulerRegistry } from '../engine/schedulers/registry.js';
import { randomSource } from './random.js';

/** What an engine is made with: plain data with the names of the configuration, since it goes to the data path's thread. */
export interface EngineSettings {
  /** 2^n, what listings call the size of the connection table. */
  readonly connTabBits?: number;
  /** Connections at most. */
  readonly connLimit?: number;
  /** TCP ports of the FTP helper. */
  readonly ftpPorts?: readonly number[];
  /** Modules with schedulers, as absolute paths. */
  readonly schedulers?: readonly string[];
}

/** Those settings of a configuration that are about the engine. */
export function engineSettings({
  connTabBits,
  connLimit,
  ftpPorts,
  schedulers,
}: EngineSettings): EngineSettings {
  return {
    ...(connTabBits !== undefined && { connTabBits }),
    ...(connLimit !== undefined && { connLimit }),
    ...(ftpPorts !== undefined && { ftpPorts }),
    ...(schedulers !== undefined && { schedulers }),
  };
}

/** Makes an engine. @param schedulers those of the kernel, and of the settings' modules (`loadSchedulers`). */
export function createNet(host: Host, settings: EngineSettings, schedulers?: SchedulerRegistry): Net {
  const { connTabBits, connLimit, ftpPorts } = settings;
  return new Net({
    host,
    random: randomSource(),
    ...(connTabBits !== undefined && { connTabBits }),
    ...(connLimit !== undefined && { connLimit }),
    ...(ftpPorts !== undefined && { ftpPorts: [...new Set(ftpPorts)] }),
    ...(schedulers !== undefined && { schedulers }),
  });
}
