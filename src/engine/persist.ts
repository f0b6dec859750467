/** Persistence: templates that keep a client at its dest (`ip_vs_sched_persist`). */
import type { Packet } from '../wire/packet.js';
import { connNew, connPut, controlAdd, destOf } from './conn.js';
import {
  C_TIMEOUT,
  type ConnKey,
  HOT_SHIFT,
  NO_CONN,
} from './conn-table.js';
import type { Dest } from './dest.js';
import { CONN_F_ONE_PACKET, CONN_F_TEMPLATE, IPPROTO_IP, IPPROTO_UDP } from './flags.js';
import type { IpHdr } from './iphdr.js';
import type { NetnsIpvs } from './netns-ipvs.js';
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
  const template = ipvs.templateKey;
  template.family = svc.family;
  template.cport = 0;
  maskAddress(svc, key.caddr, template.caddr);
  // one template for each port, or one for all of them: FTP's data, port zero, and fwmark groups
  if (key.vport === svc.port && svc.port !== FTP_PORT) {
    template.protocol = key.protocol;
    template.vaddr.set(key.vaddr);
    template.vport = key.vport;
  } else {
    template.vport = 0;
    if (svc.fwmark !== 0) {
      template.protocol = IPPROTO_IP;
      template.vaddr.fill(0);
      template.vaddr[0] = svc.fwmark;
    } else {
      template.protocol = key.protocol;
      template.vaddr.set(key.vaddr);
    }
  }
  let ct = ipvs.conns.findTemplate(template, any);
  let dest: Dest | null;
  if (ct === NO_CONN || !checkTemplate(ipvs, ct)) {
    dest = chooseDest(ipvs, svc, packet, iph);
    if (dest === null) {
      ipvs.ignored = 0;
      return NO_CONN;
    }
    const dport = key.vport === svc.port && svc.port !== FTP_PORT ? dest.port : 0;
    ct = connNew(ipvs, template, dest.addr.family, dest.addr.words, dport, CONN_F_TEMPLATE, dest, packet.mark);
    if (ct === NO_CONN) {
      ipvs.ignored = -1;
      return NO_CONN;
    }
    ipvs.conns.hot[(ct << HOT_SHIFT) + C_TIMEOUT] = svc.timeout;
  } else {
    dest = destOf(ipvs, ct)!;
  }
  const dport = key.vport === svc.port && dest.port !== 0 ? dest.port : key.vport;
  const flags = svc.onePacket && iph.protocol === IPPROTO_UDP ? CONN_F_ONE_PACKET : 0;
  const c = connNew(ipvs, key, dest.addr.family, dest.addr.words, dport, flags, dest, packet.mark);
  if (c === NO_CONN) {
    connPut(ipvs, ct);
    ipvs.ignored = -1;
    return NO_CONN;
  }
  controlAdd(ipvs, c, ct);
  connPut(ipvs, ct);
  connStats(ipvs, dest, svc);
  return c;
}

function any(): boolean {
  return true;
}

/** Whether a template's dest can still take its client; if not, the template is made unfindable (`ip_vs_check_template`). */
function checkTemplate(ipvs: NetnsIpvs, ct: number): boolean {
  const dest = destOf(ipvs, ct);
  const quiescent = dest !== null && ipvs.sysctls.values.expire_quiescent_template !== 0 && dest.weight === 0;
  if (dest?.available === true && !quiescent) return true;
  // keyed by ports that no packet looks for, it ends by its own timer
  const t = ipvs.conns;
  if (t.vport(ct) !== 0xffff) t.rekey(ct, 0, 0xffff, 0xffff);
  return false;
}
