/** Virtual services and real servers as the engine's control operations take them, for benchmarks and the fuzzer. */
import type { DestUser } from '../../src/engine/dest.js';
import type { ServiceUser } from '../../src/engine/service.js';
import { AF_INET, anyAddr, type Family, parseInet } from '../../src/wire/inet.js';

/** A service. @param vip an address, or a family for a service by mark. @param changes what ipvsadm would not take for granted. */
export function serviceUser(
  protocol: number,
  vip: string | Family,
  port: number,
  changes: Partial<ServiceUser> = {},
): ServiceUser {
  const addr = typeof vip === 'string' ? parseInet(vip)! : anyAddr(vip);
  return {
    family: addr.family,
    protocol,
    addr,
    port,
    fwmark: 0,
    schedName: 'rr',
    peName: '',
    flags: 0,
    timeout: 0,
    netmask: addr.family === AF_INET ? 0xffff_ffff : 128,
    ...changes,
  };
}

/** A real server. @param connFlags `CONN_F_MASQ`, `CONN_F_DROUTE` or `CONN_F_TUNNEL`. */
export function destUser(
  rip: string,
  port: number,
  connFlags: number,
  changes: Partial<DestUser> = {},
): DestUser {
  return {
    addr: parseInet(rip)!,
    port,
    connFlags,
    weight: 1,
    uThreshold: 0,
    lThreshold: 0,
    tunType: 0,
    tunPort: 0,
    tunFlags: 0,
    ...changes,
  };
}
