/** `ipvsd drain` and `ipvsd undrain`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Director, DrainEntry } from '../control/command.js';
import { type FoundServer, findServers } from '../control/find-servers.js';
import { drainPolicy } from '../control/option-fields.js';
import { destId, serviceId } from '../control/resource-id.js';
import { UsageError } from './usage-error.js';

/** Flags of the command line, as they were given. */
export interface DrainFlags {
  readonly service?: string;
  readonly deadline?: string;
  readonly then?: string;
  readonly wait?: true;
}

/** Milliseconds between two looks, and between two lines that say nothing new. */
const LOOK = 250;
const REMIND = 5000;

/**
 * Drains all servers that a word stands for, or shows those that are being drained.
 * @param print takes a line without its end. @param note takes what is said meanwhile.
 */
export async function drain(
  director: Director,
  word: string | undefined,
  flags: DrainFlags,
  print: (line: string) => void,
  note: (line: string) => void,
): Promise<void> {
  if (word === undefined) {
    for (const entry of await director.execute('drain.list', {})) print(lineOf(entry));
    return;
  }
  const policy = readPolicy(flags);
  const servers = await findServers(director, word, flags.service);
  for (const server of servers) {
    await director.execute('dest.drain', { service: server.service, dest: server.dest, ...policy });
  }
  if (flags.wait === true) await untilGone(director, servers, note);
  else for (const server of servers) print(`draining ${idOf(server)}`);
}

/** Gives all servers that a word stands for, and that are being drained, their weights back. */
export async function undrain(
  director: Director,
  word: string,
  { service }: Pick<DrainFlags, 'service'>,
  print: (line: string) => void,
): Promise<void> {
  const servers = (await findServers(director, word, service)).filter(({ entry }) => entry.draining);
  if (servers.length === 0)
    throw new UsageError(`"${word}" is not being drained (ipvsd drain lists those that are)`);
  for (const server of servers) {
    await director.execute('dest.undrain', { service: server.service, dest: server.dest });
    print(`${idOf(server)} has weight ${server.entry.draining!.weight} again`);
  }
}

function readPolicy({ deadline, then: end }: DrainFlags) {
  try {
    return drainPolicy.read(
      { ...(deadline !== undefined && { deadline }), ...(end !== undefined && { end }) },
      '',
    );
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Waits until servers are gone and what they had is ended, and says how it goes. */
async function untilGone(
  director: Director,
  servers: readonly FoundServer[],
  note: (line: string) => void,
): Promise<void> {
  const left = new Set(servers.map(idOf));
  let said = '';
  let next = 0;
  while (left.size > 0) {
    const now = (await director.execute('drain.list', {})).filter((entry) => left.has(idOf(entry)));
    const there = new Set(now.map(idOf));
    for (const id of left) {
      if (there.has(id)) continue;
      left.delete(id);
      note(`${id} is gone`);
    }
    const state = now.map(
      (entry) => `${idOf(entry)} ${entry.phase} ${entry.activeConns} ${entry.inactConns}`,
    );
    if (state.join() !== said || Date.now() >= next) {
      said = state.join();
      next = Date.now() + REMIND;
      for (const entry of now) note(lineOf(entry));
    }
    if (left.size > 0) await sleep(LOOK);
  }
}

function idOf({ service, dest }: Pick<DrainEntry, 'service' | 'dest'>): string {
  return `${destId(dest)} of ${serviceId(service)}`;
}

function lineOf(entry: DrainEntry): string {
  const { name, phase, end, left, activeConns, inactConns } = entry;
  const who = name === undefined ? idOf(entry) : `${name} (${idOf(entry)})`;
  const time = left === undefined ? '' : `, ${Math.ceil(left)} s left`;
  const then = end === 'none' ? '' : `, then ${end}`;
  return `${who}: ${phase}, ${activeConns} active, ${inactConns} inactive${time}${then}`;
}
