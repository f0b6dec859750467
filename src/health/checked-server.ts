/** A real server with the checks that are done of it. */
import type { CheckSpec } from '../control/check-spec.js';
import type { DestSpec } from '../control/command.js';
import type { CheckEntry } from '../control/health-fields.js';
import type { Report } from './prober.js';
import type { ServerHealth } from './service-policy.js';

/** Starts a check of a server, and tells what each answer says. @returns a function that ends it. */
export type StartCheck = (dest: DestSpec, spec: CheckSpec, report: (report: Report) => void) => () => void;

interface Running {
  readonly spec: CheckSpec;
  /** What it is taken for until it has answered. */
  readonly assumed: boolean;
  readonly end: () => void;
  last?: Report;
  count: number;
  failures: number;
  changes: number;
}

/** One server. It is up when all its checks say so. */
export class CheckedServer {
  #dest: DestSpec;
  /** When its state changed last, ms since 1970. */
  since: number;
  #backSince: number | undefined;
  /** Taken for down, until it is checked. */
  #wasDown: boolean;
  #checks: Running[] = [];
  readonly #start: StartCheck;
  readonly #heard: (server: CheckedServer, before: ServerHealth, report: Report) => void;

  /**
   * @param wasDown it is taken for down until it has answered.
   * @param now ms since 1970. @param heard told of each answer, with how the server was before it.
   */
  constructor(
    dest: DestSpec,
    wasDown: boolean,
    now: number,
    start: StartCheck,
    heard: (server: CheckedServer, before: ServerHealth, report: Report) => void,
  ) {
    this.#dest = dest;
    this.since = now;
    this.#wasDown = wasDown;
    this.#start = start;
    this.#heard = heard;
  }

  /** As it is configured. */
  get dest(): DestSpec {
    return this.#dest;
  }

  /** It is configured so from now on. Where that changes the way to it, its checks begin anew. */
  change(dest: DestSpec): void {
    const same = wayTo(dest) === wayTo(this.#dest);
    this.#dest = dest;
    if (same) return;
    const { up } = this;
    this.#checks = this.#checks.map(({ spec, end }) => {
      end();
      return this.#begin(spec, up);
    });
  }

  /** Does these checks from now on. Those that are done already go on as they are. */
  configure(specs: readonly CheckSpec[]): void {
    const old = new Map(this.#checks.map((check) => [JSON.stringify(check.spec), check]));
    const fresh = this.#checks.length === 0;
    const { up } = this;
    this.#checks = specs.map((spec) => {
      const identity = JSON.stringify(spec);
      const kept = old.get(identity);
      old.delete(identity);
      // what is known of a server is not forgotten because it is to be asked otherwise
      return kept ?? this.#begin(spec, fresh ? this.#assume(spec) : up);
    });
    if (specs.length > 0) this.#wasDown = false;
    for (const { end } of old.values()) end();
  }

  /** What a server is taken for of which nothing is known here. */
  #assume(spec: CheckSpec): boolean {
    return !this.#wasDown && (!('start' in spec) || spec.start === 'up');
  }

  /** Ends all checks. */
  stop(): void {
    for (const { end } of this.#checks) end();
    this.#checks = [];
  }

  get up(): boolean {
    return this.#checks.every(({ last, assumed }) => last?.up ?? assumed);
  }

  /** Notes that it came back now, and is to start slowly. */
  cameBack(now: number): void {
    this.#backSince = now;
  }

  health(): ServerHealth {
    return {
      dest: this.dest,
      up: this.up,
      // the least that a check asks for; the whole when none does
      percent: Math.min(100, ...this.#checks.map(({ last }) => last?.percent ?? 100)),
      ...(this.#backSince !== undefined && { backSince: this.#backSince }),
    };
  }

  /** Its checks, for listings. */
  entries(): CheckEntry[] {
    return this.#checks.map(({ spec, last, assumed, count, failures, changes }) => ({
      type: spec.type,
      port: ('port' in spec ? spec.port : undefined) ?? this.dest.port,
      up: last?.up ?? assumed,
      ...(last?.reason !== undefined && { reason: last.reason }),
      ...(last !== undefined && { took: Math.round(last.took * 10) / 10 }),
      ...{ count, failures, changes },
    }));
  }

  #begin(spec: CheckSpec, assumed: boolean): Running {
    const check: Running = {
      spec,
      assumed,
      count: 0,
      failures: 0,
      changes: 0,
      end: this.#start(this.dest, spec, (report) => {
        const before = this.health();
        const was = check.last?.up ?? assumed;
        check.last = report;
        check.count++;
        if (report.reason !== undefined) check.failures++;
        if (report.up !== was) check.changes++;
        this.#heard(this, before, report);
      }),
    };
    return check;
  }
}

/** Everything that packets to a server depend on. */
function wayTo({ forward, tunType, tunPort, tunCsum }: DestSpec): string {
  return `${forward} ${tunType} ${tunPort} ${tunCsum}`;
}
