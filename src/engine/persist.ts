/** Persistence: templates that keep a client at its dest (`ip_vs_sched_persist`, `ip_vs_new_conn_out`). */
import type { Packet } from '../wire/packet.js';
import { connNew, connPut, controlAdd, destOf } from './conn.js';
import { C_TIMEOUT, type ConnKey, HOT_SHIFT, NO_CONN } from './conn-table.js';
import type { Dest } from './dest.js';
import { CONN_F_ONE_PACKET, CONN_F_TEMPLATE, IPPROTO_IP, IPPROTO_UDP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { samePeData } from './persistence-engine.js';
import { chooseDest, FTP_PORT, maskAddress } from './schedule.js';
import type { Service } from './service.js';
import { connStats } from './traffic.js';

/**
 * Finds or makes the template for a client, and makes its connection.
 * @param key the client's and the virtual side of the packet.
 */
export function schedulePersistent(
  ipvs: NetnsIpvs,
  svc: Service,
  packet: Packet,
  iph: IpHdr,
  key: ConnKey,
): number {
  fillTemplateKey(ipvs, svc, key);
  const data = svc.pe?.fillParam(packet, iph);
  if (svc.pe !== null && data === undefined) {
    ipvs.ignored = -1;
    return NO_CONN;
  }
  let ct = findTemplate(ipvs, svc, data);
  let dest: Dest | null;
  if (ct === NO_CONN || !checkTemplate(ipvs, ct, null)) {
    dest = chooseDest(ipvs, svc, packet, iph);
    if (dest === null) {
      ipvs.ignored = 0;
      return NO_CONN;
    }
    const dport = key.vport === svc.port && svc.port !== FTP_PORT ? dest.port : 0;
    ct = newTemplate(ipvs, svc, dest, dest.addr.words, dport, packet.mark, data);
    if (ct === NO_CONN) {
      ipvs.ignored = -1;
      return NO_CONN;
    }
  } else {
    dest = destOf(ipvs, ct)!;
  }
  const dport = key.vport === svc.port && dest.port !== 0 ? dest.port : key.vport;
  const c = newControlled(ipvs, svc, iph, key, dest, dest.addr.words, dport, packet.mark, ct);
  if (c === NO_CONN) ipvs.ignored = -1;
  return c;
}

/**
 * A real server opens a connection to a client, which leaves from the virtual address.
 * @param ports source port << 16 | destination port.
 * @returns the connection, or `NO_CONN`.
 */
export function connOut(
  ipvs: NetnsIpvs,
  svc: Service,
  dest: Dest,
  packet: Packet,
  iph: IpHdr,
  ports: number,
): number {
  const key = ipvs.key;
  key.family = svc.family;
  key.protocol = iph.protocol;
  key.caddr.set(iph.daddr);
  key.cport = ports & 0xffff;
  key.vaddr.set(svc.addr.words);
  key.vport = svc.port;
  const dport = ports >>> 16;
  let ct = NO_CONN;
  if (svc.persistent) {
    const data = svc.pe?.fillParam(packet, iph);
    if (svc.pe !== null && data === undefined) return NO_CONN;
    const template = ipvs.templateKey;
    Object.assign(template, { family: svc.family, protocol: svc.protocol, cport: 0, vport: svc.port });
    maskAddress(svc, key.caddr, template.caddr);
    template.vaddr.set(svc.addr.words);
    ct = findTemplate(ipvs, svc, data);
    if (ct === NO_CONN || !checkTemplate(ipvs, ct, dest)) {
      ct = newTemplate(ipvs, svc, dest, iph.saddr, dport, 0, data);
      if (ct === NO_CONN) return NO_CONN;
    }
  }
  return newControlled(ipvs, svc, iph, key, dest, iph.saddr, dport, 0, ct);
}

/** One template for each port, or one for all of them: FTP's data, port zero, and fwmark groups. */
function fillTemplateKey(ipvs: NetnsIpvs, svc: Service, key: ConnKey): void {
  const template = ipvs.templateKey;
  template.family = svc.family;
  template.cport = 0;
  maskAddress(svc, key.caddr, template.caddr);
  template.protocol = key.protocol;
  template.vaddr.set(key.vaddr);
  const own = key.vport === svc.port;
  template.vport = own && svc.port !== FTP_PORT ? key.vport : 0;
  // a packet to port 0 is no part of its mark's group: 0 is the port of the service
  if (!own && svc.fwmark !== 0) {
    template.protocol = IPPROTO_IP;
    template.vaddr.fill(0);
    template.vaddr[0] = svc.fwmark;
  }
}

function findTemplate(ipvs: NetnsIpvs, svc: Service, data: Uint8Array | undefined): number {
  return ipvs.conns.findTemplate(ipvs.templateKey, (c) => {
    const known = ipvs.peData.get(c);
    if (data === undefined) return known === undefined;
    return known !== undefined && known.pe === svc.pe && samePeData(known.data, data);
  });
}

function newTemplate(
  ipvs: NetnsIpvs,
  svc: Service,
  dest: Dest,
  daddr: Int32Array,
  dport: number,
  fwmark: number,
  data: Uint8Array | undefined,
): number {
  const ct = connNew(ipvs, ipvs.templateKey, dest.addr.family, daddr, dport, CONN_F_TEMPLATE, dest, fwmark);
  if (ct === NO_CONN) return NO_CONN;
  ipvs.conns.hot[(ct << HOT_SHIFT) + C_TIMEOUT] = svc.timeout;
  if (data !== undefined && svc.pe !== null) ipvs.peData.set(ct, { pe: svc.pe, data });
  return ct;
}

/** Makes the connection that its template, if there is one, controls. */
function newControlled(
  ipvs: NetnsIpvs,
  svc: Service,
  iph: IpHdr,
  key: ConnKey,
  dest: Dest,
  daddr: Int32Array,
  dport: number,
  fwmark: number,
  ct: number,
): number {
  const flags = svc.onePacket && iph.protocol === IPPROTO_UDP ? CONN_F_ONE_PACKET : 0;
  const c = connNew(ipvs, key, dest.addr.family, daddr, dport, flags, dest, fwmark);
  if (c !== NO_CONN && ct !== NO_CONN) controlAdd(ipvs, c, ct);
  if (ct !== NO_CONN) connPut(ipvs, ct);
  if (c !== NO_CONN) connStats(ipvs, dest, svc);
  return c;
}

/**
 * Whether a template's dest can still take its client; if not, the template is made unfindable (`ip_vs_check_template`).
 * @param wanted the only dest that will do, or null.
 */
function checkTemplate(ipvs: NetnsIpvs, ct: number, wanted: Dest | null): boolean {
  const dest = destOf(ipvs, ct);
  const quiescent = dest !== null && ipvs.sysctls.values.expire_quiescent_template !== 0 && dest.weight === 0;
  if (dest?.available === true && !quiescent && (wanted === null || wanted === dest)) return true;
  // keyed by ports that no packet looks for, it ends by its own timer
  const t = ipvs.conns;
  if (t.vport(ct) !== 0xffff) t.rekey(ct, 0, 0xffff, 0xffff);
  return false;
}
