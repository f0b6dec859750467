/** Names as the machine knows them: its hosts file, its name servers and its services file. */
import { lookup, lookupService } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { servicesFrom } from './name-files.js';
import type { NameResolver } from './names.js';

/** A resolver for this machine. Answers are kept for as long as it is, as a listing asks for the same name often. */
export function systemNames(): NameResolver {
  let services: ReturnType<typeof servicesFrom> | undefined;
  const fromFile = () => {
    services ??= servicesFrom(read('/etc/services'));
    return services;
  };
  const hosts = new Map<string, Promise<string | undefined>>();
  return {
    service: (port, protocol) => fromFile().service(port, protocol),
    portByName: (name, protocol) => fromFile().portByName(name, protocol),
    host(address) {
      let name = hosts.get(address);
      if (name === undefined) {
        name = hostName(address);
        hosts.set(address, name);
      }
      return name;
    },
    addressByName,
  };
}

async function addressByName(name: string): Promise<string | undefined> {
  if (name === '') return undefined;
  // lookup() hands IPv6 addresses through
  return lookup(name, { family: 4 }).then(
    ({ address, family }) => (family === 4 ? address : undefined),
    () => undefined,
  );
}

/** getnameinfo() gives the address itself when it has no name. */
async function hostName(address: string): Promise<string | undefined> {
  const name = await lookupService(address, 0).then(
    ({ hostname }) => hostname,
    () => undefined,
  );
  return name === address ? undefined : name;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // without the file there are no names
    return '';
  }
}
