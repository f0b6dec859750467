/** Which traffic has to be steered: what services and their real servers ask for, kept up as they change one by one. */
import type { Dest } from '../../engine/dest.js';
import {
  CONN_F_FWD_MASK,
  CONN_F_MASQ,
  CONN_F_TUNNEL,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from '../../engine/flags.js';
import { FTP_PORT } from '../../engine/schedule.js';
import type { Service, ServiceId } from '../../engine/service.js';
import { AF_INET, type Family, type InetAddr, inetToString } from '../../wire/inet.js';
import { Answers } from './answers.js';
import { ChangingSet } from './changing-set.js';
import { CountedSet, type Want } from './counted-set.js';
import { ANY_ERROR, answerPlaces, type Place, placeKey, servicePlaces } from './place.js';

/** What steering needs to know of a dest. */
export type SteeredDest = Pick<
  Dest,
  'addr' | 'port' | 'protocol' | 'connFlags' | 'vaddr' | 'vport' | 'vfwmark'
> & { readonly svc?: Pick<Service, 'options'> | null };

/** What steering needs to know of a service. */
export type SteeredService = ServiceId & { readonly destinations: readonly SteeredDest[] };

/** A port of a protocol; 0 for all of them. */
export interface Port {
  readonly family: Family;
  readonly protocol: number;
  readonly port: number;
}

/** A firewall mark. */
export interface Mark {
  readonly family: Family;
  readonly mark: number;
}

/** True where a helper looks at connections to a port: they may bring other connections, of any ports. */
export type HasHelper = (protocol: number, port: number) => boolean;

/** Protocols that a firewall mark may stand for. */
const MARKED_PROTOCOLS = [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP];

/** All that is to be steered. Changing one service costs what that service costs, however many there are. */
export class Traffic {
  /** Ports of services. */
  readonly ports = new CountedSet<Port>();
  /** Virtual addresses. */
  readonly addresses = new CountedSet<InetAddr>();
  /** Those of which every port is steered. */
  readonly wholeAddresses = new CountedSet<InetAddr>();
  /** What answers come from that the engine has to see: those of NAT real servers, and others whose segments are to be kept short. */
  readonly answers = new Answers();
  readonly marks = new CountedSet<Mark>();
  /** Families of the real servers at the end of tunnels. */
  readonly tunnels = new CountedSet<Family>();
  /** All of it but marks, as the steering program has it. */
  readonly places = new ChangingSet<Place>();
  /** By service (its identity as a text) or dest: what it asks for. */
  readonly #wants = new Map<unknown, readonly Want[]>();
  #trash: ReadonlySet<SteeredDest> = new Set();
  readonly #helped: HasHelper;

  constructor(helped: HasHelper = () => false) {
    this.#helped = helped;
  }

  /** Changes with everything but addresses. */
  get rulesVersion(): number {
    return this.ports.version + this.answers.version + this.marks.version + this.tunnels.version;
  }

  /** Changes with addresses. */
  get routesVersion(): number {
    return this.addresses.version + this.wholeAddresses.version;
  }

  /** Takes over what a service asks for now; `undefined` when it is gone. */
  setService(id: ServiceId, service: SteeredService | undefined): void {
    this.#set(serviceKey(id), service === undefined ? [] : this.#wantService(service));
  }

  /** Forgets all services. */
  clearServices(): void {
    for (const owner of [...this.#wants.keys()]) if (typeof owner === 'string') this.#set(owner, []);
  }

  /** Takes over the dests in the trash whose connections may still live. */
  setTrash(dests: readonly SteeredDest[]): void {
    const now = new Set(dests);
    for (const dest of this.#trash) if (!now.has(dest)) this.#set(dest, []);
    for (const dest of now) {
      if (!this.#trash.has(dest))
        this.#set(dest, [...this.#wantVirtual(virtualOf(dest)), ...this.#wantDest(dest)]);
    }
    this.#trash = now;
  }

  /** @param wants are there already: what is wanted before and after never goes. */
  #set(owner: unknown, wants: readonly Want[]): void {
    for (const want of this.#wants.get(owner) ?? []) want.release();
    if (wants.length > 0) this.#wants.set(owner, wants);
    else this.#wants.delete(owner);
  }

  #wantService(service: SteeredService): Want[] {
    return [...this.#wantVirtual(service), ...service.destinations.flatMap((dest) => this.#wantDest(dest))];
  }

  #wantVirtual({ family, protocol, addr, port: own, fwmark }: ServiceId): Want[] {
    if (fwmark !== 0) return [this.marks.add(`${family} ${fwmark}`, { family, mark: fwmark })];
    const key = inetToString(addr);
    const port = this.#hasDataPorts(protocol, own) ? 0 : own;
    return [
      this.ports.add(`${family} ${protocol} ${port}`, { family, protocol, port }),
      this.addresses.add(key, addr),
      ...(port === 0 ? [this.wholeAddresses.add(key, addr)] : []),
      ...this.#wantPlaces(servicePlaces(addr, protocol, port)),
    ];
  }

  #wantDest({ addr, port, protocol, connFlags, vaddr, vport, vfwmark, svc }: SteeredDest): Want[] {
    const { family } = addr;
    const method = connFlags & CONN_F_FWD_MASK;
    if (method === CONN_F_TUNNEL) {
      // only for IPv4 does IPVS look into errors about tunnels
      const errors = family === AF_INET ? [ANY_ERROR] : [];
      const wants = [this.tunnels.add(`${family}`, family), ...this.#wantPlaces(errors)];
      if (!svc?.options.clampMss || protocol !== IPPROTO_TCP || vfwmark !== 0) return wants;
      return [...wants, this.answers.add({ address: vaddr, port: vport, protocol })];
    }
    if (method !== CONN_F_MASQ) return [];
    const marked = vfwmark !== 0;
    // a service on every port hands the client's port on
    const every = !marked && (vport === 0 || this.#hasDataPorts(protocol, vport));
    const from = every ? 0 : port || vport;
    return (marked ? MARKED_PROTOCOLS : [protocol]).flatMap((number) => [
      this.answers.add({ address: addr, protocol: number, port: from }),
      ...this.#wantPlaces(answerPlaces(addr, number, from)),
    ]);
  }

  #wantPlaces(places: readonly Place[]): Want[] {
    return places.map((place) => this.places.add(placeKey(place), place));
  }

  /** FTP's data connections have any ports, and a helper's may. */
  #hasDataPorts(protocol: number, port: number): boolean {
    return (protocol === IPPROTO_TCP && port === FTP_PORT) || this.#helped(protocol, port);
  }
}

/** A text that is equal for equal identities. */
export function serviceKey({ family, protocol, addr, port, fwmark }: ServiceId): string {
  return fwmark !== 0 ? `${family} ${fwmark}` : `${protocol} ${inetToString(addr)} ${port}`;
}

/** The service that a dest belonged to. */
function virtualOf({ protocol, vaddr, vport, vfwmark }: SteeredDest): ServiceId {
  return { family: vaddr.family, protocol, addr: vaddr, port: vport, fwmark: vfwmark };
}
