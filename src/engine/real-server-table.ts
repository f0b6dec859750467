/** `rs_table`: finds dests by their own address, without a service. */
import { AF_INET, type Family } from '../wire/inet.js';
import type { Dest } from './dest.js';
import { CONN_F_FWD_MASK, CONN_F_MASQ, CONN_F_TUNNEL, TUNNEL_TYPE_GUE } from './flags.js';

/** NAT dests by address and port; tunnel dests by address and, for GUE, the tunnel's port. Others are not kept. */
export class RealServerTable {
  private readonly buckets = new Map<number, Dest[]>();

  /** Adds a dest, or moves it after its method or tunnel changed (`ip_vs_rs_hash`). The newest of several at one place is found. */
  add(dest: Dest): void {
    const port = keyPort(dest);
    const kind = ((dest.connFlags & CONN_F_FWD_MASK) << 8) | dest.tunType;
    if (dest.rsPort === port && dest.rsKind === kind) return;
    this.delete(dest);
    if (port < 0) return;
    const hash = hashOf(dest.addr.words, port);
    const list = this.buckets.get(hash);
    if (list === undefined) this.buckets.set(hash, [dest]);
    else list.unshift(dest);
    dest.rsPort = port;
    dest.rsKind = kind;
  }

  delete(dest: Dest): void {
    if (dest.rsPort < 0) return;
    const hash = hashOf(dest.addr.words, dest.rsPort);
    dest.rsPort = -1;
    const list = this.buckets.get(hash)!;
    list.splice(list.indexOf(dest), 1);
    if (list.length === 0) this.buckets.delete(hash);
  }

  /** The NAT dest with this address, port and protocol (`ip_vs_has_real_service`). */
  findReal(family: Family, protocol: number, words: Int32Array, port: number): Dest | undefined {
    return this.find(family, words, port, CONN_F_MASQ, protocol);
  }

  /** The tunnel dest at this address (`ip_vs_find_tunnel`). @param port the tunnel's, or 0 for IPIP and GRE. */
  findTunnel(family: Family, words: Int32Array, port: number): Dest | undefined {
    return this.find(family, words, port, CONN_F_TUNNEL, 0);
  }

  private find(
    family: Family,
    words: Int32Array,
    port: number,
    method: number,
    protocol: number,
  ): Dest | undefined {
    const list = this.buckets.get(hashOf(words, port));
    if (list === undefined) return undefined;
    for (let i = 0; i < list.length; i++) {
      const d = list[i]!;
      const w = d.addr.words;
      if (
        (d.connFlags & CONN_F_FWD_MASK) === method &&
        d.addr.family === family &&
        keyPort(d) === port &&
        w[0] === words[0] &&
        (family === AF_INET || (w[1] === words[1] && w[2] === words[2] && w[3] === words[3])) &&
        (protocol === 0 || d.protocol === protocol || d.vfwmark !== 0)
      ) {
        return d;
      }
    }
    return undefined;
  }
}

/** Port that a dest is kept under, or -1. */
function keyPort(dest: Dest): number {
  const method = dest.connFlags & CONN_F_FWD_MASK;
  if (method === CONN_F_MASQ) return dest.port;
  if (method !== CONN_F_TUNNEL) return -1;
  return dest.tunType === TUNNEL_TYPE_GUE ? dest.tunPort : 0;
}

function hashOf(words: Int32Array, port: number): number {
  return (words[0]! ^ words[1]! ^ words[2]! ^ words[3]! ^ (port << 16)) | 0;
}
