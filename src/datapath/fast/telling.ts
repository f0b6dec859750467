/**
 * What synchronisation daemons leave to the fast path. A master tells of a connection when it comes into certain states, which programs report anyway, and with
 * packets of certain numbers: these they report as well. What depends on the time of each packet is the engine's alone.
 */
import type { Flow } from '../../ebpf/flow.js';
import { C_CONTROL, C_INPKTS, HOT_SHIFT } from '../../engine/conn-table.js';
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import { SYNC_STATE_BACKUP, SYNC_STATE_MASTER } from '../../engine/sync/daemon.js';
import { hasUntoldState } from '../../engine/sync/needed.js';

/** How connections are carried, and told of. */
export interface Telling {
  /** Connections are carried at all. */
  readonly carries: boolean;
  /** A master runs: packets are numbered. */
  readonly numbered: boolean;
  /** Only connections that no other one controls: a template is told of with each of their packets. */
  readonly alone: boolean;
  /** `sync_threshold`, and its period. */
  readonly threshold: number;
  readonly period: number;
}

/** While no daemon runs. */
export const NOTHING_TOLD: Telling = {
  carries: true,
  numbered: false,
  alone: false,
  threshold: 0,
  period: 0,
};

/** Numbers that a flow can hold. */
const MOST = 0x7fff;

/** As of now. */
export function tellingOf({ syncState, sysctls }: NetnsIpvs): Telling {
  const { values, syncPeriod: period } = sysctls;
  // clients are left alone
  const backsUp = (syncState & SYNC_STATE_BACKUP) !== 0 && values.backup_only !== 0;
  if ((syncState & SYNC_STATE_MASTER) === 0) return { ...NOTHING_TOLD, carries: !backsUp };
  const threshold = values.sync_threshold;
  // without a period, `sync_refresh_period` leaves it to the time of each packet
  const timed = period <= 0 && values.sync_refresh_period !== 0;
  return {
    carries: !backsUp && !timed && period <= MOST && threshold <= MOST,
    numbered: true,
    alone: values.sync_version !== 0,
    threshold,
    period: Math.max(0, period),
  };
}

/** True when nothing changes from one to the other. */
export function sameTelling(a: Telling, b: Telling): boolean {
  return (Object.keys(a) as (keyof Telling)[]).every((name) => a[name] === b[name]);
}

/** Connection `c` may be carried, as far as that depends on what is told of it. */
export function mayCarry({ conns }: NetnsIpvs, c: number, { carries, alone }: Telling): boolean {
  return carries && !(alone && conns.hot[(c << HOT_SHIFT) + C_CONTROL] !== 0);
}

/** Numbers the packets of the client's flow of connection `c`, which is about to be installed. */
export function numberRequest(ipvs: NetnsIpvs, c: number, { threshold, period }: Telling, flow: Flow): void {
  const left = threshold - ipvs.conns.hot[(c << HOT_SHIFT) + C_INPKTS]! - 1;
  flow.numbered = period > 0 || left >= 0;
  flow.tell = period > 0 ? ((left % period) + period) % period : Math.max(0, left);
  flow.period = period;
  flow.report ||= hasUntoldState(ipvs, c);
}
