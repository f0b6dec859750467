/** `svc_table` and `svc_fwm_table`: virtual services by address and by mark, in the kernel's order of listing. */
import { AF_INET6, type Family, inetEqual } from '../wire/inet.js';
import type { Service, ServiceId } from './service.js';

const TABLE_SIZE = 256;

/** Services of one namespace. 256 chains as in the kernel, whose order listings show; a map finds them quickly however many there are. */
export class ServiceTable {
  private readonly chains: Service[][] = Array.from({ length: 2 * TABLE_SIZE }, () => []);
  private readonly byMark = new Map<number, Service[]>();
  private readonly byAddress = new Map<number, Service[]>();
  size = 0;

  /** The service with exactly this identity. */
  get(id: ServiceId): Service | undefined {
    return id.fwmark !== 0
      ? this.findMark(id.family, id.fwmark)
      : this.findAddress(id.family, id.protocol, id.addr.words, id.port);
  }

  findMark(family: Family, fwmark: number): Service | undefined {
    const list = this.byMark.get(fwmark);
    if (list !== undefined)
      for (let i = 0; i < list.length; i++) if (list[i]!.family === family) return list[i];
    return undefined;
  }

  /** @param words host-order words of the virtual address. Allocates nothing: called for each packet that opens a connection. */
  findAddress(family: Family, protocol: number, words: Int32Array, port: number): Service | undefined {
    const list = this.byAddress.get(addressHash(words, protocol, port));
    if (list === undefined) return undefined;
    for (let i = 0; i < list.length; i++) {
      const s = list[i]!;
      if (
        s.port === port &&
        s.protocol === protocol &&
        s.family === family &&
        s.addr.words[0] === words[0] &&
        (family !== AF_INET6 ||
          (s.addr.words[1] === words[1] && s.addr.words[2] === words[2] && s.addr.words[3] === words[3]))
      ) {
        return s;
      }
    }
    return undefined;
  }

  add(svc: Service): void {
    this.chains[chainOf(svc)]!.unshift(svc);
    const [map, key] = this.index(svc);
    const list = map.get(key);
    if (list === undefined) map.set(key, [svc]);
    else list.push(svc);
    this.size++;
  }

  delete(svc: Service): void {
    const chain = this.chains[chainOf(svc)]!;
    chain.splice(chain.indexOf(svc), 1);
    const [map, key] = this.index(svc);
    const list = map.get(key)!;
    list.splice(list.indexOf(svc), 1);
    if (list.length === 0) map.delete(key);
    this.size--;
  }

  /** All services: those by address, chain by chain, then those by mark. */
  *[Symbol.iterator](): Generator<Service> {
    for (const chain of this.chains) yield* chain;
  }

  private index(svc: Service): [Map<number, Service[]>, number] {
    return svc.fwmark !== 0
      ? [this.byMark, svc.fwmark]
      : [this.byAddress, addressHash(svc.addr.words, svc.protocol, svc.port)];
  }
}

function addressHash(words: Int32Array, protocol: number, port: number): number {
  return (
    (Math.imul(words[0]! ^ words[1]! ^ words[2]! ^ words[3]!, 0x9e37_79b1) ^ (protocol << 16) ^ port) | 0
  );
}

/** The kernel's chain of a service (`ip_vs_svc_hashkey`, `ip_vs_svc_fwm_hashkey`), the address being in network order there. */
function chainOf(svc: Service): number {
  if (svc.fwmark !== 0) return TABLE_SIZE + (svc.fwmark & (TABLE_SIZE - 1));
  const w = svc.addr.words;
  const folded = svc.family === AF_INET6 ? w[0]! ^ w[1]! ^ w[2]! ^ w[3]! : w[0]!;
  // ntohl(fold): the fold of host-order words, whose low byte selects the chain together with the port's two bytes
  return (svc.protocol ^ folded ^ (svc.port >>> 8) ^ svc.port) & (TABLE_SIZE - 1);
}

/** True when two identities name the same service. */
export function sameService(a: ServiceId, b: ServiceId): boolean {
  return (
    a.family === b.family &&
    a.fwmark === b.fwmark &&
    (a.fwmark !== 0 || (a.protocol === b.protocol && a.port === b.port && inetEqual(a.addr, b.addr)))
  );
}
