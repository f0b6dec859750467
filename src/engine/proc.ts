/** The texts of /proc/net/ip_vs* (`ip_vs_info_seq_show` and its kin). Numbers are hexadecimal unless said. */
import { IpvsError } from '../errors.js';
import { AF_INET, AF_INET6, type InetAddr, parseInet } from '../wire/inet.js';
import { type ConnRow, listConns, protocolName } from './conn-list.js';
import type { Dest } from './dest.js';
import { statsView } from './estimator.js';
import { CONN_F_FWD_MASK } from './flags.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import type { Service } from './service.js';
import type { StatsView } from './stats.js';

/** Version that the kernel's IPVS has told since 2008. */
export const IPVS_VERSION = '1.2.1';

const FORWARD_NAMES = ['Masq', 'Local', 'Tunnel', 'Route', 'Bypass'] as const;

const TEXTS: Readonly<Record<string, (ipvs: NetnsIpvs) => string>> = {
  ip_vs: info,
  ip_vs_app: appText,
  ip_vs_conn: connText,
  ip_vs_conn_sync: connSyncText,
  ip_vs_stats: statsText,
  ip_vs_stats_percpu: perCpuText,
};

/** Text of /proc/net/`name`. @throws INVALID for another name. */
export function procText(ipvs: NetnsIpvs, name: string): string {
  const text = Object.hasOwn(TEXTS, name) ? TEXTS[name] : undefined;
  if (text === undefined) {
    throw new IpvsError('INVALID', `"${name}" is none of ${Object.keys(TEXTS).join(', ')}`, 'name');
  }
  return text(ipvs);
}

function info(ipvs: NetnsIpvs): string {
  let out = `IP Virtual Server version ${IPVS_VERSION} (size=${2 ** ipvs.net.connTabBits})\n`;
  out += 'Prot LocalAddress:Port Scheduler Flags\n';
  out += '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n';
  for (const svc of ipvs.services) {
    out += serviceLine(svc);
    for (const dest of svc.destinations) out += destLine(dest);
  }
  return out;
}

function serviceLine(svc: Service): string {
  const scheduler = svc.scheduler?.name ?? 'none';
  const ops = svc.onePacket ? 'ops ' : '';
  let line: string;
  if (svc.fwmark !== 0) line = `FWM  ${hex(svc.fwmark, 8)} ${scheduler} ${ops}`;
  else if (svc.family === AF_INET6) {
    line = `${protocolName(svc.protocol)}  [${address(svc.addr)}]:${hex(svc.port, 4)} ${scheduler} `;
  } else {
    line = `${protocolName(svc.protocol)}  ${address(svc.addr)}:${hex(svc.port, 4)} ${scheduler} ${ops} `;
  }
  if (!svc.persistent) return `${line}\n`;
  // a prefix length is printed as if it were a mask: its bytes swapped
  const mask = svc.family === AF_INET6 ? svc.netmask << 24 : svc.netmask;
  return `${line}persistent ${svc.timeout} ${hex(mask, 8)}\n`;
}

function destLine(dest: Dest): string {
  const name =
    dest.addr.family === AF_INET6
      ? `[${address(dest.addr)}]:${hex(dest.port, 4)}`
      : `${address(dest.addr)}:${hex(dest.port, 4)}`;
  const forward = FORWARD_NAMES[dest.connFlags & CONN_F_FWD_MASK]!;
  return `  -> ${name}      ${forward.padEnd(7)} ${left(dest.weight, 6)} ${left(dest.activeconns, 10)} ${left(dest.inactconns, 10)}\n`;
}

function rows(ipvs: NetnsIpvs): ConnRow[] {
  return listConns(ipvs, 0, ipvs.conns.limit).entries;
}

function appText(ipvs: NetnsIpvs): string {
  let out = 'prot port    usecnt name\n';
  for (const { app, protocol, port, usecnt } of ipvs.appList)
    out += `${protocolName(protocol).padEnd(3)}  ${left(port, 7)} ${left(usecnt, 6)} ${app.name.padEnd(17)}\n`;
  return out;
}

function connText(ipvs: NetnsIpvs): string {
  let out = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n';
  for (const r of rows(ipvs))
    out += `${tuple(r)} ${r.state.padEnd(11)} ${right(r.expires, 7)}${r.peName === undefined ? '' : ` ${r.peName} ${r.peData}`}\n`;
  return out;
}

function connSyncText(ipvs: NetnsIpvs): string {
  let out = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n';
  for (const r of rows(ipvs)) {
    out += `${tuple(r)} ${r.state.padEnd(11)} ${r.origin.padEnd(6)} ${right(r.expires, 7)}\n`;
  }
  return out;
}

function tuple(r: ConnRow): string {
  const pair = (text: string, port: number): string => `${address(parseInet(text)!)} ${hex(port, 4)}`;
  return `${r.protocol.padEnd(3)} ${pair(r.clientAddress, r.clientPort)} ${pair(r.virtualAddress, r.virtualPort)} ${pair(r.destAddress, r.destPort)}`;
}

function numbers(s: Pick<StatsView, 'conns' | 'inpkts' | 'outpkts' | 'inbytes' | 'outbytes'>): string {
  return columns(s.conns, s.inpkts, s.outpkts, s.inbytes, s.outbytes);
}

function rates(s: StatsView): string {
  return columns(s.cps, s.inpps, s.outpps, s.inbps, s.outbps);
}

/** Three counts and two byte counts, in their columns. */
function columns(
  conns: number,
  inPackets: number,
  outPackets: number,
  inBytes: number,
  outBytes: number,
): string {
  const counts = [conns, inPackets, outPackets].map((n) => hexRight(n, 8));
  return `${[...counts, hexRight(inBytes, 16), hexRight(outBytes, 16)].join(' ')}\n`;
}

function statsText(ipvs: NetnsIpvs): string {
  const s = statsView(ipvs.totStats);
  return (
    '   Total Incoming Outgoing         Incoming         Outgoing\n' +
    '   Conns  Packets  Packets            Bytes            Bytes\n' +
    numbers(s) +
    '\n Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n' +
    rates(s)
  );
}

/** All packets are one thread's: the table has one row. */
function perCpuText(ipvs: NetnsIpvs): string {
  const t = ipvs.totStats;
  const s = statsView(t);
  return (
    '       Total Incoming Outgoing         Incoming         Outgoing\n' +
    'CPU    Conns  Packets  Packets            Bytes            Bytes\n' +
    `  0 ${numbers(t)}` +
    `  ~ ${numbers(s)}` +
    '\n     Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n' +
    `    ${rates(s)}`
  );
}

function hex(value: number, width: number): string {
  return (value >>> 0).toString(16).toUpperCase().padStart(width, '0');
}

function hexRight(value: number, width: number): string {
  return value.toString(16).toUpperCase().padStart(width);
}

function left(value: number, width: number): string {
  return String(value).padEnd(width);
}

function right(value: number, width: number): string {
  return String(value).padStart(width);
}

/** IPv4 as eight capital digits, IPv6 as eight groups of four small ones. */
function address(a: InetAddr): string {
  if (a.family === AF_INET) return hex(a.words[0]!, 8);
  const all = [...a.words].map((w) => (w >>> 0).toString(16).padStart(8, '0')).join('');
  return all.match(/.{4}/g)!.join(':');
}
