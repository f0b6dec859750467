/** Every kind of check by its name. */
import type { ActiveCheck } from '../control/check-spec.js';
import type { Target } from './checker.js';
import { checkDns, checkUdp } from './checkers/datagram.js';
import { checkExec } from './checkers/exec.js';
import { checkGrpc, checkGrpcs } from './checkers/grpc.js';
import { checkHttp, checkHttps } from './checkers/http.js';
import { checkPing } from './checkers/ping.js';
import { checkSmtp } from './checkers/smtp.js';
import { checkAgent, checkTcp, checkTls } from './checkers/stream.js';

/** Does a check once; see `Checker`. */
export function check(target: Target, spec: ActiveCheck, signal: AbortSignal): Promise<number | undefined> {
  switch (spec.type) {
    case 'tcp':
      return checkTcp(target, spec, signal);
    case 'tls':
      return checkTls(target, spec, signal);
    case 'http':
      return checkHttp(target, spec, signal);
    case 'https':
      return checkHttps(target, spec, signal);
    case 'grpc':
      return checkGrpc(target, spec, signal);
    case 'grpcs':
      return checkGrpcs(target, spec, signal);
    case 'smtp':
      return checkSmtp(target, spec, signal);
    case 'dns':
      return checkDns(target, { name: spec.name, type: spec.record, nxdomain: spec.nxdomain }, signal);
    case 'udp':
      return checkUdp(target, spec, signal);
    case 'ping':
      return checkPing(target, spec, signal);
    case 'agent':
      return checkAgent(target, spec, signal);
    case 'exec':
      return checkExec(target, spec, signal);
  }
}
