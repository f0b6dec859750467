/** Finding the dest of a connection that a message has told of (`ip_vs_find_dest`, `ip_vs_try_bind_dest`). */
import { type InetAddr, inetEqual, inetFromWords } from '../../wire/inet.js';
import { unbindApp } from '../app.js';
import { bindDest } from '../conn.js';
import { C_DADDR, C_FLAGS, C_FWMARK, C_VADDR, HOT_SHIFT } from '../conn-table.js';
import type { Dest } from '../dest.js';
import { CONN_F_FWD_MASK, CONN_F_MASQ } from '../flags.js';
import type { NetnsIpvs } from '../netns-ipvs.js';
import { serviceFind } from '../schedule.js';

/** What a dest is looked for by. */
export interface DestWanted {
  readonly protocol: number;
  readonly daddr: InetAddr;
  readonly dport: number;
  readonly vaddr: InetAddr;
  readonly vport: number;
  readonly fwmark: number;
  readonly flags: number;
}

/** The dest, or null. The port of a mark's dest is not that of its connections, except with NAT: 0 and the given one are tried in the likely order. */
export function findSyncDest(ipvs: NetnsIpvs, w: DestWanted): Dest | null {
  const { daddr, dport, vaddr, fwmark, protocol } = w;
  const svc = serviceFind(ipvs, { family: vaddr.family, protocol }, fwmark, vaddr.words, w.vport);
  if (svc === undefined) return null;
  const marked = fwmark !== 0 && (w.flags & CONN_F_FWD_MASK) !== CONN_F_MASQ;
  const lookup = (port: number): Dest | undefined =>
    svc.destinations.find((d) => d.port === port && inetEqual(d.addr, daddr));
  return (marked ? (lookup(0) ?? lookup(dport)) : (lookup(dport) ?? lookup(0))) ?? null;
}

/** Binds a connection that has no dest to the one that it is for, if that exists by now. */
export function tryBindDest(ipvs: NetnsIpvs, c: number): void {
  const t = ipvs.conns;
  const h = c << HOT_SHIFT;
  const words = new Int32Array(4);
  const addr = (which: number): InetAddr => {
    t.addr(c, which, words);
    return inetFromWords(t.family(c), words);
  };
  const protocol = t.protocol(c);
  const dest = findSyncDest(ipvs, {
    protocol,
    daddr: addr(C_DADDR),
    dport: t.dport(c),
    vaddr: addr(C_VADDR),
    vport: t.vport(c),
    fwmark: t.hot[h + C_FWMARK]!,
    flags: t.hot[h + C_FLAGS]!,
  });
  if (dest === null) return;
  unbindApp(ipvs, c);
  // where a reply is looked for depends on the method, which the dest brings
  t.unhash(c);
  bindDest(ipvs, c, dest);
  t.hash(c);
  const pd = ipvs.protoData[protocol];
  if (pd !== undefined && pd.appcnt > 0) pd.pp.appConnBind?.(ipvs, c, pd);
}
