/** Names out of texts in the formats of /etc/hosts and /etc/services. */
import type { NameResolver } from './names.js';

/** The lines of such a file as words, comments left out. */
function* lines(text: string): Generator<string[]> {
  for (const line of text.split('\n')) {
    const words = line.replace(/#.*/, '').split(/\s+/).filter(Boolean);
    if (words.length >= 2) yield words;
  }
}

/** The service part of a resolver, from a services file. The first line that fits counts, as in the C library. */
export function servicesFrom(text: string): Pick<NameResolver, 'service' | 'portByName'> {
  const names = new Map<string, string>();
  const ports = new Map<string, number>();
  for (const [name, portAndProtocol, ...aliases] of lines(text)) {
    const [port, protocol] = portAndProtocol!.split('/');
    const key = `${Number(port)}/${protocol}`;
    if (!names.has(key)) names.set(key, name!);
    for (const alias of [name, ...aliases]) {
      if (!ports.has(`${alias}/${protocol}`)) ports.set(`${alias}/${protocol}`, Number(port));
    }
  }
  return {
    service: async (port, protocol) => names.get(`${port}/${protocol}`),
    portByName: async (name, protocol) => ports.get(`${name}/${protocol}`),
  };
}

/** The host part of a resolver, from a hosts file. */
export function hostsFrom(text: string): Pick<NameResolver, 'host' | 'addressByName'> {
  const names = new Map<string, string>();
  const addresses = new Map<string, string>();
  for (const [address, ...hosts] of lines(text)) {
    if (!names.has(address!)) names.set(address!, hosts[0]!);
    if (address!.includes(':')) continue;
    for (const host of hosts) {
      if (!addresses.has(host.toLowerCase())) addresses.set(host.toLowerCase(), address!);
    }
  }
  return {
    host: async (address) => names.get(address),
    addressByName: async (name) => addresses.get(name.toLowerCase()),
  };
}

/** A resolver that knows two texts and nothing else. */
export function namesFrom(hosts: string, services: string): NameResolver {
  return { ...hostsFrom(hosts), ...servicesFrom(services) };
}
