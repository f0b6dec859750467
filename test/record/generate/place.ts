/** Addresses of the standard topology, and services on them. */
/** Address family: 4 or 6. */
export type Ip = 4 | 6;
/** Forwarding method. */
export type Method = 'nat' | 'dr' | 'tun';

const OPTION: Record<Method, string> = { nat: '-m', dr: '-g', tun: '-i' };

/** The virtual address. */
export const vip = (ip: Ip): string => (ip === 4 ? '10.1.0.100' : 'fd00:1::100');
/** A client, by its number from 9 to 99. */
export const client = (ip: Ip, n = 20): string => (ip === 4 ? `10.1.0.${n}` : `fd00:1::${n}`);
/** A real server, by its number from 1 to 9. */
export const server = (ip: Ip, n = 1): string => (ip === 4 ? `10.2.0.${10 + n}` : `fd00:2::${10 + n}`);
/** The director's own address towards the real servers. */
export const director = (ip: Ip): string => (ip === 4 ? '10.2.0.1' : 'fd00:2::1');

/** ADDRESS:PORT, in brackets for IPv6. */
export function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The port that real servers listen on: only NAT can change it. */
export const serverPort = (method: Method): number => (method === 'nat' ? 8080 : 80);

/** A service at port 80 of the virtual address with `servers` real servers. */
export function service(
  ip: Ip,
  protocol: 'tcp' | 'udp',
  method: Method,
  {
    servers = 1,
    scheduler = 'rr',
    serverIp = ip,
  }: { servers?: number; scheduler?: string; serverIp?: Ip } = {},
): string[] {
  const name = `${protocol === 'tcp' ? '-t' : '-u'} ${endpoint(vip(ip), 80)}`;
  const port = serverPort(method);
  return [
    `-A ${name} -s ${scheduler}`,
    ...Array.from(
      { length: servers },
      (_, i) => `-a ${name} -r ${endpoint(server(serverIp, i + 1), port)} ${OPTION[method]}`,
    ),
  ];
}
