/** The health of a virtual server: its checks, quorum and sorry server. */
import type { CheckSpec } from '../../../control/check-spec.js';
import type { Note } from '../note.js';
import { convertChecker } from './checkers.js';
import type { Forward } from './forward.js';
import { leaveOut } from './left-out.js';
import type { RealServer } from './real-server.js';
import type { Statement } from './statements.js';
import type { Timing } from './timing.js';

/** What a virtual server says of it. */
export interface HealthStatements {
  readonly timing: Timing;
  /** `quorum`, `hysteresis`. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly sorry: Statement | undefined;
  readonly sorryForward: Forward | undefined;
}

/** The checks of each server that has any. What of all this cannot be carried over is noted. */
export function checksOf(
  servers: readonly RealServer[],
  { timing, sorry }: HealthStatements,
  note: Note,
): ReadonlyMap<RealServer, CheckSpec[]> {
  const checked = servers.filter(({ checkers }) => checkers.length > 0);
  if (checked.length === 0 && sorry !== undefined) leaveOut(sorry, note);
  if (sorry !== undefined && isServer(servers, sorry))
    note(sorry, `${sorry.words.join(' ')}: is one of the real servers, and left out`);
  if (new Set(checked.map((server) => inhibits(server, timing))).size > 1) {
    note(checked[0]!.statement, 'inhibit_on_failure: of all servers of a virtual server, or of none');
  }
  return new Map(
    checked.map((server) => {
      const around = new Map([...timing, ...server.timing]);
      return [server, server.checkers.flatMap((checker) => convertChecker(checker, around, note))];
    }),
  );
}

/** A sorry server that is a real server, too. */
function isServer(servers: readonly RealServer[], { words: [, address, port] }: Statement): boolean {
  return servers.some(
    (server) =>
      server.address === address &&
      (port === undefined || server.port === undefined || server.port === Number(port)),
  );
}

function inhibits(server: RealServer, timing: Timing): boolean {
  return (server.timing.get('inhibit_on_failure') ?? timing.get('inhibit_on_failure')) === 'on';
}

/** What a virtual server's health comes to, not yet checked. */
export interface ConvertedHealth {
  readonly health: object;
  /** Checks of servers that do not all have the same. */
  readonly own: ReadonlyMap<RealServer, { readonly checks: readonly CheckSpec[] }>;
}

/**
 * The health of a service; undefined when nothing is checked.
 * @param checks as {@link checksOf} gives them. @param port of a sorry server that has none. @param forward of one that does not say.
 */
export function healthOf(
  servers: readonly RealServer[],
  checks: ReadonlyMap<RealServer, CheckSpec[]>,
  { sorry, sorryForward, timing, numbers }: HealthStatements,
  port: number,
  forward: Forward,
): ConvertedHealth | undefined {
  if (checks.size === 0) return undefined;
  const of = (server: RealServer) => checks.get(server) ?? [];
  const common = new Set(servers.map((server) => JSON.stringify(of(server)))).size === 1;
  const quiesce = servers.some((server) => inhibits(server, timing));
  const [, address, own] = sorry?.words ?? [];
  const sorryServer = { address, port: own === undefined ? port : Number(own), ...(sorryForward ?? forward) };
  return {
    health: {
      ...(common && { checks: of(servers[0]!) }),
      ...Object.fromEntries(numbers),
      onFailure: quiesce ? 'quiesce' : 'remove',
      ...(sorry !== undefined && !isServer(servers, sorry) && { sorryServer }),
    },
    own: new Map(common ? [] : servers.map((server) => [server, { checks: of(server) }])),
  };
}
