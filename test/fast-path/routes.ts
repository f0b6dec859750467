/** Routes for the ways of a fast path that goes nowhere. */
import type { OpeningHost } from '../../src/datapath/fast/openings.js';
import type { WayHost } from '../../src/datapath/fast/ways.js';
import type { Route } from '../../src/engine/host.js';
import type { KernelRoute } from '../../src/linux/rt-route.js';
import { AF_INET, type InetAddr, inetToString, parseInet } from '../../src/wire/inet.js';
import { MTU, SOURCE } from './director.js';

/** Routes that can be changed. */
export class Routes implements WayHost, OpeningHost {
  routeGeneration = 1;
  ethernet = true;
  readonly none = new Set<string>();
  route(daddr: InetAddr): Route | undefined {
    if (this.none.has(inetToString(daddr))) return undefined;
    const source = parseInet(daddr.family === AF_INET ? SOURCE[4] : SOURCE[6])!;
    return { local: false, ifindex: 1, mtu: MTU, mtuLearnt: false, source, nextHop: daddr };
  }
  plainRoutes(): readonly KernelRoute[] | undefined {
    return undefined;
  }
  isLocal(): boolean {
    return true;
  }
  hasEthernet(): boolean {
    return this.ethernet;
  }
}
