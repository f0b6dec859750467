/** Virtual services for benchmarks and the fuzzer, in a line each. */
import type { DestUser } from '../../src/engine/dest.js';
import type { Net } from '../../src/engine/net.js';
import type { ServiceUser } from '../../src/engine/service.js';
import { AF_INET, anyAddr, type Family, parseInet } from '../../src/wire/inet.js';

/** Adds a service; `with_` overrides what ipvsadm would take for granted. `vip` may be a family, for a service by mark. */
export function addService(
  net: Net,
  protocol: number,
  vip: string | Family,
  port: number,
  with_: Partial<ServiceUser> = {},
): ServiceUser {
  const addr = typeof vip === 'string' ? parseInet(vip)! : anyAddr(vip);
  const user: ServiceUser = {
    family: addr.family,
    protocol,
    addr,
    port,
    fwmark: 0,
    schedName: 'rr',
    peName: '',
    flags: 0,
    timeout: 0,
    netmask: addr.family === AF_INET ? -1 >>> 0 : 128,
    ...with_,
  };
  net.ipvs.addService(user);
  return user;
}

/** Adds a real server. @param connFlags `CONN_F_MASQ`, `CONN_F_DROUTE`, `CONN_F_TUNNEL`. */
export function addDest(
  net: Net,
  service: ServiceUser,
  rip: string,
  port: number,
  connFlags: number,
  with_: Partial<DestUser> = {},
): void {
  net.ipvs.addDest(service, {
    addr: parseInet(rip)!,
    port,
    connFlags,
    weight: 1,
    uThreshold: 0,
    lThreshold: 0,
    tunType: 0,
    tunPort: 0,
    tunFlags: 0,
    ...with_,
  });
}
