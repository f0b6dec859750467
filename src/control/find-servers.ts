/** Real servers by what people call them. */
import { IpvsError } from '../errors.js';
import { parseInet } from '../wire/inet.js';
import { canonicalAddress } from './canonical.js';
import type { DestEntry, DestKey, Director, ServiceEntry, ServiceKey } from './command.js';
import { keyOf } from './fields.js';
import { allServices } from './metrics/snapshot.js';
import { destId, parseDestId, serviceId } from './resource-id.js';

/** A real server of a service. */
export interface FoundServer {
  readonly service: ServiceKey;
  readonly dest: DestKey;
  readonly entry: DestEntry;
}

/**
 * All real servers that `word` stands for: a name, an address with port, or an address, in any service or in those that `of` stands for: an id
 * (`tcp:10.1.0.100:80`) or a name.
 * @throws SERVICE_NOT_FOUND, DEST_NOT_FOUND when there is none.
 */
export async function findServers(director: Director, word: string, of?: string): Promise<FoundServer[]> {
  const all = await allServices(director);
  const services = all.filter(({ service }) => of === undefined || isService(service, of));
  if (of !== undefined && services.length === 0)
    throw new IpvsError('SERVICE_NOT_FOUND', `no service "${of}"`);
  const isMeant = serverTest(word);
  const found = services.flatMap(({ service, dests }) =>
    dests.filter(isMeant).map((entry) => ({
      service: keyOf(service),
      dest: { address: entry.address, port: entry.port },
      entry,
    })),
  );
  if (found.length === 0) throw new IpvsError('DEST_NOT_FOUND', `no server "${word}"`);
  return found;
}

function isService(service: ServiceEntry, word: string): boolean {
  return service.name === word || serviceId(service) === word;
}

function serverTest(word: string): (entry: DestEntry) => boolean {
  if (parseInet(word) !== undefined) {
    const address = canonicalAddress(word);
    return (entry) => entry.address === address;
  }
  if (/^\[|:/.test(word)) {
    const { address, port } = parseDestId(word, 'server');
    const id = destId({ address: canonicalAddress(address), port });
    return (entry) => destId(entry) === id;
  }
  return ({ name }) => name === word;
}
