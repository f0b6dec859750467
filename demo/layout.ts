/** Who is who in the demonstration: addresses of hosts and services. */

/** Real servers, by number. */
export const SERVERS = [1, 2, 3] as const;

/** IPv4 or IPv6: the addresses of one family. */
export interface AddressPlan {
  readonly name: string;
  readonly client: string;
  readonly clientGateway: string;
  readonly clientPrefix: number;
  readonly router: string;
  readonly director: string;
  readonly prefix: number;
  server(n: number): string;
  vip(n: number): string;
  readonly vipNet: string;
  readonly host: string;
}

export const IPV4: AddressPlan = {
  name: 'IPv4',
  client: '10.77.1.2',
  clientGateway: '10.77.1.1',
  clientPrefix: 24,
  router: '10.77.2.254',
  director: '10.77.2.1',
  prefix: 24,
  server: (n) => `10.77.2.${10 + n}`,
  vip: (n) => `192.0.2.${n}`,
  vipNet: '192.0.2.0/24',
  host: '/32',
};

export const IPV6: AddressPlan = {
  name: 'IPv6',
  client: 'fd77:1::2',
  clientGateway: 'fd77:1::1',
  clientPrefix: 64,
  router: 'fd77:2::fe',
  director: 'fd77:2::1',
  prefix: 64,
  server: (n) => `fd77:2::1${n}`,
  vip: (n) => `2001:db8::${n}`,
  vipNet: '2001:db8::/64',
  host: '/128',
};

export const FAMILIES = [IPV4, IPV6] as const;

/** A way of forwarding: the number of its virtual address, and ipvsadm's option. */
export interface Method {
  readonly name: string;
  readonly vip: number;
  readonly option: string;
}

export const METHODS: readonly Method[] = [
  { name: 'NAT', vip: 1, option: '-m' },
  { name: 'DR', vip: 2, option: '-g' },
  { name: 'TUN', vip: 3, option: '-i' },
];

export const HTTP_PORT = 80;
export const UDP_PORT = 7;

/** An address with a port, IPv6 in brackets. */
export function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The rules in ipvsadm's own format: every method, both families, HTTP and UDP. */
export function rules(): string {
  const lines: string[] = [];
  for (const family of FAMILIES) {
    for (const { vip, option } of METHODS) {
      for (const [flag, port] of [
        ['-t', HTTP_PORT],
        ['-u', UDP_PORT],
      ] as const) {
        const service = `${flag} ${endpoint(family.vip(vip), port)}`;
        lines.push(`-A ${service} -s rr`);
        for (const n of SERVERS) lines.push(`-a ${service} -r ${endpoint(family.server(n), port)} ${option}`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}
