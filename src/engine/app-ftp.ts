/** The FTP helper (`ip_vs_ftp.c`): data connections are told of in the text of the control connection, and found there. */

import { IpvsError } from '../errors.js';
import { AF_INET, type Family } from '../wire/inet.js';
import { TCP_CHECKSUM, TCP_MIN, tcpHeaderLength, tcpSequence } from '../wire/tcp.js';
import { type App, type AppPacket, manglePayload, registerApp } from './app.js';
import { connNew, connPut, controlAdd, destOf } from './conn.js';
import {
  C_CADDR,
  C_DADDR,
  C_FLAGS,
  C_STATE,
  C_VADDR,
  type ConnKey,
  HOT_SHIFT,
  NO_CONN,
} from './conn-table.js';
import { trackResized } from './conntrack.js';
import { CONN_F_NFCT, CONN_F_NO_CPORT, IPPROTO_TCP } from './flags.js';
import {
  extendedText,
  type FtpAddress,
  type FtpPassive,
  findPassive,
  quadText,
  readActive,
  readPassiveReply,
} from './ftp-text.js';
import type { NetnsIpvs } from './netns-ipvs.js';
import { tcpConnListen } from './proto-tcp.js';
import { emptyKey } from './protocol.js';
import { TCP_S_ESTABLISHED } from './tcp-states.js';

/** Ports that the helper is put on at most (`IP_VS_APP_MAX_PORTS`). */
export const FTP_MAX_PORTS = 8;

const key: ConnKey = emptyKey();
const daddr = new Int32Array(4);
const encoder = new TextEncoder();

/**
 * Puts the helper on its ports (module parameter `ports`). Port 0 is left out.
 * @throws INVALID for more than eight, for what is no port, and for the same twice.
 */
export function registerFtp(ipvs: NetnsIpvs, ports: readonly number[]): void {
  if (ports.length > FTP_MAX_PORTS)
    throw new IpvsError('INVALID', `${ports.length} ports are more than ${FTP_MAX_PORTS}`, 'ftpPorts');
  for (const port of ports) {
    if (!Number.isInteger(port) || port < 0 || port > 0xffff)
      throw new IpvsError('INVALID', `${port} is no port (0..65535)`, 'ftpPorts');
    if (port !== 0) registerApp(ipvs, ftp, IPPROTO_TCP, port);
  }
}

/**
 * `ftp`. `AppConn.data` is the passive command that waits for its reply, or undefined.
 * Text is only understood where it is whole in one segment, as in the kernel.
 */
export const ftp: App = {
  name: 'ftp',
  conntrack: true,

  initConn(ipvs: NetnsIpvs, c: number): void {
    // connection tracking keeps the sequence numbers
    const h = (c << HOT_SHIFT) + C_FLAGS;
    ipvs.conns.hot[h] = ipvs.conns.hot[h]! | CONN_F_NFCT;
  },

  pktIn(p: AppPacket): boolean {
    const { ipvs, c, packet } = p;
    if (!isEstablished(ipvs, c)) return true;
    packet.pull(packet.len);
    const start = payload(p);
    const end = packet.data + packet.len;
    const family = ipvs.conns.family(c);
    const passive = findPassive(packet.bytes, start, end, family);
    if (passive !== undefined) {
      if (passive !== 'none') p.conn.data = passive;
      return true;
    }
    const to = readActive(packet.bytes, start, end, family);
    if (to === undefined) return true;
    p.conn.data = undefined;
    return expectServer(p, to);
  },

  pktOut(p: AppPacket): boolean {
    const { ipvs, c, packet } = p;
    const command = p.conn.data as FtpPassive | undefined;
    if (!isEstablished(ipvs, c)) return true;
    packet.pull(packet.len);
    if (command === undefined) return true;
    const end = packet.data + packet.len;
    const from = readPassiveReply(packet.bytes, payload(p), end, ipvs.conns.family(c), command);
    if (from === undefined) return true;
    const data = expectClient(p, from);
    if (data === NO_CONN) return false;
    const port = ipvs.conns.vport(data);
    const text =
      command === 'PASV' ? quadText(ipvs.conns.addrWord(data, C_VADDR, 0), port) : extendedText(port);
    const passed = p.ct !== null && rewrite(p, from, text);
    p.conn.data = undefined;
    tcpConnListen(ipvs, data);
    connPut(ipvs, data);
    return passed;
  },
};

function isEstablished(ipvs: NetnsIpvs, c: number): boolean {
  return (ipvs.conns.hot[(c << HOT_SHIFT) + C_STATE]! & 0xff) === TCP_S_ESTABLISHED;
}

/** Where the segment's data begins; its end when the header is malformed. */
function payload({ packet, iph }: AppPacket): number {
  const tcp = packet.data + iph.len;
  const length = tcpHeaderLength(packet.view, tcp);
  return length < TCP_MIN ? packet.data + packet.len : tcp + length;
}

function rewrite(p: AppPacket, from: FtpAddress, text: string): boolean {
  const { packet, iph } = p;
  const seq = tcpSequence(packet.view, packet.data + iph.len);
  const diff = manglePayload(
    packet,
    iph,
    TCP_CHECKSUM,
    from.start,
    from.end - from.start,
    encoder.encode(text),
  );
  if (diff === undefined) return false;
  trackResized(p.ipvs, p.ct!, seq, diff);
  return true;
}

/** The client listens at `to`: the server will connect to it from its data port, one below the control port. */
function expectServer({ ipvs, c, packet }: AppPacket, to: FtpAddress): boolean {
  const t = ipvs.conns;
  const family = t.family(c);
  fillKey(ipvs, c, family);
  key.caddr.set(to.addr!.words);
  key.cport = to.port;
  key.vport = (t.vport(c) - 1) & 0xffff;
  let data = t.findIn(key);
  if (data === NO_CONN && t.noCport > 0) {
    key.cport = 0;
    data = t.findIn(key);
    key.cport = to.port;
  }
  if (data === NO_CONN) {
    t.addr(c, C_DADDR, daddr);
    data = connNew(
      ipvs,
      key,
      t.destFamily(c),
      daddr,
      (t.dport(c) - 1) & 0xffff,
      CONN_F_NFCT,
      destOf(ipvs, c),
      packet.mark,
    );
    if (data === NO_CONN) return false;
    controlAdd(ipvs, data, c);
  }
  tcpConnListen(ipvs, data);
  connPut(ipvs, data);
  return true;
}

/** The server listens at `from`: the client will connect to that port of the virtual address, from a port not yet known. */
function expectClient({ ipvs, c, packet }: AppPacket, from: FtpAddress): number {
  const t = ipvs.conns;
  const family = t.family(c);
  if (from.addr === undefined) t.addr(c, C_DADDR, daddr);
  else daddr.set(from.addr.words);
  fillKey(ipvs, c, family);
  t.addr(c, C_CADDR, key.caddr);
  key.cport = 0;
  key.vport = from.port;
  const ports = from.port << 16;
  if (family === AF_INET) t.find4(IPPROTO_TCP, daddr[0]!, key.caddr[0]!, ports);
  else t.find6(IPPROTO_TCP, daddr, key.caddr, ports);
  if (t.foundOut !== NO_CONN) return t.foundOut;
  const data = connNew(
    ipvs,
    key,
    family,
    daddr,
    from.port,
    CONN_F_NO_CPORT | CONN_F_NFCT,
    destOf(ipvs, c),
    packet.mark,
  );
  if (data !== NO_CONN) controlAdd(ipvs, data, c);
  return data;
}

function fillKey(ipvs: NetnsIpvs, c: number, family: Family): void {
  key.family = family;
  key.protocol = IPPROTO_TCP;
  ipvs.conns.addr(c, C_VADDR, key.vaddr);
}
