/** The surroundings of a simulated director: its interfaces, its neighbours and its routes. Plain data, as in a scenario's `topology`. */

/** An interface of the director. `lo` always exists and needs to be given only for its addresses. */
export interface InterfaceSpec {
  name: string;
  /** What results call this side of the director (`side`), e.g. `client`; the interface's name when left out. */
  side?: string;
  /** MAC address `xx:xx:xx:xx:xx:xx`; not for `lo`. */
  mac?: string;
  /** Bytes; 1500 when left out. */
  mtu?: number;
  /** `ADDRESS/LENGTH`. */
  addresses?: string[];
}

/** A host beside the director, found in its neighbour table. Several entries may have one name. */
export interface HostSpec {
  /** What `from` and `to` call it. */
  name: string;
  /** The director's interface towards it. */
  interface: string;
  mac: string;
  addresses: string[];
}

/** A scenario's `topology`. */
export interface Topology {
  interfaces: InterfaceSpec[];
  hosts: HostSpec[];
  /** Routes as `ip route add` takes them, e.g. `default via 10.2.0.254`. */
  routes: string[];
  /** Virtual addresses: each is added to `lo` with its full length. */
  vips: string[];
}

/**
 * What scenarios use that do not say otherwise: clients on `c0`, nine real servers and the rest of the world on `s0`, eleven virtual
 * addresses of each family on `lo`.
 */
export function standardTopology(): Topology {
  const hosts: HostSpec[] = [];
  const host = (name: string, side: 'c' | 's', mac: string, v4: string, v6: string): void => {
    hosts.push({ name, interface: `${side}0`, mac, addresses: [v4, v6] });
  };
  for (let n = 9; n < 100; n++) {
    const mac = `02:01:00:00:00:${String(n).padStart(2, '0')}`;
    host('client', 'c', mac, `10.1.0.${n}`, `fd00:1::${n}`);
  }
  for (let n = 1; n < 10; n++) {
    host(`rs${n}`, 's', `02:02:00:00:00:0${n}`, `10.2.0.${10 + n}`, `fd00:2::${10 + n}`);
  }
  host('world', 's', '02:02:00:00:00:fe', '10.2.0.254', 'fd00:2::fe');
  const vips: string[] = [];
  for (let n = 100; n < 111; n++) vips.push(`10.1.0.${n}`, `fd00:1::${n}`);
  return {
    interfaces: [
      { name: 'c0', side: 'client', mac: '02:00:00:00:00:01', addresses: ['10.1.0.1/24', 'fd00:1::1/64'] },
      { name: 's0', side: 'server', mac: '02:00:00:00:00:02', addresses: ['10.2.0.1/24', 'fd00:2::1/64'] },
    ],
    hosts,
    routes: [
      '203.0.113.0/24 via 10.1.0.9',
      '2001:db8::/32 via fd00:1::9',
      'default via 10.2.0.254',
      '::/0 via fd00:2::fe',
    ],
    vips,
  };
}
