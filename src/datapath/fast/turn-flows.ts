/** The flows of a turn: what those of a connection have that gets this dest, but for what the client adds. */
import type { Flow } from '../../ebpf/flow.js';
import type { Dest } from '../../engine/dest.js';
import { CONN_F_DROUTE, CONN_F_FWD_MASK, CONN_F_MASQ, IPPROTO_TCP } from '../../engine/flags.js';
import type { Service } from '../../engine/service.js';
import { counterOf } from './flows-of.js';

/** Fills `flow` in for the client's packets. @param way to the dest. */
export function requestTurn(svc: Service, dest: Dest, way: number, flow: Flow): void {
  identity(svc, way, counterOf(way), flow);
  flow.source.fill(0);
  flow.sourcePort = 0;
  flow.destination.set(svc.addr.words);
  flow.destinationPort = svc.port;
  const method = dest.connFlags & CONN_F_FWD_MASK;
  flow.action = method === CONN_F_MASQ ? 'natRequest' : method === CONN_F_DROUTE ? 'direct' : 'tunnel';
  flow.address.fill(0);
  flow.port = 0;
  if (method !== CONN_F_MASQ) return;
  flow.address.set(dest.addr.words);
  flow.port = dest.port || svc.port;
}

/** Fills `flow` in for the answers, by a way that the program adds. @returns false when they do not come by here. */
export function replyTurn(svc: Service, dest: Dest, destWay: number, flow: Flow): boolean {
  if ((dest.connFlags & CONN_F_FWD_MASK) !== CONN_F_MASQ) return false;
  identity(svc, 0, counterOf(destWay) + 1, flow);
  flow.source.set(dest.addr.words);
  flow.sourcePort = dest.port || svc.port;
  flow.destination.fill(0);
  flow.destinationPort = 0;
  flow.action = 'natReply';
  flow.address.set(svc.addr.words);
  flow.port = svc.port;
  return true;
}

function identity({ family, protocol }: Service, way: number, counter: number, flow: Flow): void {
  flow.family = family;
  flow.protocol = protocol;
  flow.way = way;
  flow.counter = counter;
  flow.owner = 0;
  flow.opened = true;
  // acknowledgements end the state that a SYN leads to
  flow.report = protocol === IPPROTO_TCP;
}
