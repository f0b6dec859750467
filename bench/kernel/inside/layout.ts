/**
 * The hosts inside the guest. Each director has a client and a server of its own, with the same addresses, so that measurements of one after
 * the other disturb none:
 *
 *     client  c0 --- near  director  far --- s0  server
 */

/** What a director does. */
export const DIRECTORS = ['base', 'route', 'nft', 'ipvs', 'tc', 'xdp'] as const;
export type Director = (typeof DIRECTORS)[number];
export type Family = 4 | 6;
export type Method = 'NAT' | 'DR' | 'TUN';

/** What is measured: datagrams by one director, one method, one family, one direction. */
export interface Way {
  readonly director: Director;
  /** Of IPVS and ipvsd. */
  readonly method?: Method;
  readonly family: Family;
  readonly direction: 'request' | 'reply';
}

/** Addresses of a family. */
export interface Addresses {
  readonly client: string;
  readonly near: string;
  readonly far: string;
  readonly server: string;
  readonly prefix: number;
  readonly host: number;
  readonly vips: Readonly<Record<Method, string>>;
  /** Network of the flows' clients, behind `client`, and its addresses. */
  readonly clients: string;
  readonly clientOf: (block: number) => string;
}

export const ADDRESSES: Readonly<Record<Family, Addresses>> = {
  4: {
    client: '10.1.0.2',
    near: '10.1.0.1',
    far: '10.2.0.1',
    server: '10.2.0.2',
    prefix: 24,
    host: 32,
    vips: { NAT: '10.99.0.1', DR: '10.99.0.2', TUN: '10.99.0.3' },
    clients: '10.16.0.0/12',
    clientOf: (block) => `10.${16 + (block >> 8)}.0.${1 + (block & 255)}`,
  },
  6: {
    client: 'fd00:1::2',
    near: 'fd00:1::1',
    far: 'fd00:2::1',
    server: 'fd00:2::2',
    prefix: 64,
    host: 128,
    vips: { NAT: 'fd00:99::1', DR: 'fd00:99::2', TUN: 'fd00:99::3' },
    clients: 'fd00:16::/32',
    clientOf: (block) => `fd00:16::${(1 + block).toString(16)}`,
  },
};

export const METHODS: readonly Method[] = ['NAT', 'DR', 'TUN'];
export const FAMILIES: readonly Family[] = [4, 6];
/** Virtual services' port, and the server's. */
export const PORT = 80;
export const SERVER_PORT = 8080;

/** Last bytes of hardware addresses. */
const LINK = { c0: 1, near: 2, far: 3, s0: 4 } as const;
export type LinkName = keyof typeof LINK;

export function hardware(link: LinkName): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, 0, LINK[link]);
}

/** As `ip` writes it. */
export function hardwareText(link: LinkName): string {
  return `02:00:00:00:00:0${LINK[link]}`;
}

/** Namespaces of a director's hosts. */
export function host(role: 'c' | 'd' | 's', director: Director): string {
  return `${role}-${director}`;
}
