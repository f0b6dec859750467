/** Plays one scenario: what happens when, and what came of it. */

import {
  emptyOutcome,
  type Outcome,
  type Scenario,
  type ScenarioEvent,
} from '../../../src/datapath/scenario/format.js';
import { normaliseDump } from '../../../src/datapath/scenario/normalise.js';
import { shellWords } from '../../../src/datapath/scenario/shell-words.js';
import { standardTopology } from '../../../src/datapath/scenario/topology.js';
import { SystemError } from '../../../src/linux/errno.js';
import { run } from './command.js';
import { LocalSockets } from './local-sockets.js';
import { errorText, now, sleepUntil } from './system.js';
import { World, writeNetSysctl } from './world.js';

/** Seconds from the creation of the director's namespace to time 0: it sets the phase of the kernel's estimator. */
const SETTLE = 3;
/** Seconds in which the director has reacted to a packet. */
const REACTION = 0.002;

/** A running scenario. */
class Player {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #local = new LocalSockets();
  readonly #result: Outcome;
  readonly #start: number;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#world = new World(scenario.topology ?? standardTopology());
    this.#start = this.#world.created + SETTLE;
    this.#result = { ...emptyOutcome(scenario.name), localrecv: this.#local.received };
  }

  play(): Outcome {
    const { sysctl, setup, listen, rules, events, linger } = this.#scenario;
    this.#setSysctls(sysctl, null);
    for (const command of setup) this.#shell(command, null);
    for (const endpoint of listen) this.#local.listen(endpoint);
    sleepUntil(this.#start);
    this.#collect(null);
    for (const rule of rules) {
      const { rc, stderr, stdout } = run(['ipvsadm', ...shellWords(rule)]);
      this.#result.rule_results.push(stdout === '' ? { rc, stderr } : { rc, stderr, stdout });
      if (rc !== 0) this.#result.errors.push({ event: null, ipvsadm: rule, rc, stderr });
    }
    this.#collect(null);
    events.forEach((event, index) => {
      sleepUntil(this.#start + event.at);
      this.#collect(null, index === 0 ? null : index - 1);
      this.#happen(event, index);
    });
    const end = Math.max(0, ...events.map((event) => event.at));
    sleepUntil(this.#start + end + linger);
    sleepUntil(now() + 0.02);
    this.#collect(null, events.length - 1);
    this.#stopDaemons();
    return this.#result;
  }

  close(): void {
    this.#local.close();
    this.#world.close();
  }

  #happen(event: ScenarioEvent, index: number): void {
    if (event.packet !== undefined) this.#sendPacket(event, Buffer.from(event.packet, 'hex'), index);
    else if (event.ipvsadm !== undefined) this.#ipvsadm(event.ipvsadm, event.stdin, index);
    else if (event.sysctl) this.#setSysctls(event.sysctl, index);
    else if (event.shell !== undefined) this.#shell(event.shell, index);
    else if (event.dump) this.#dump(event.dump, index);
    else if (event.localsend) {
      const { localsend } = event;
      this.#attempt({ event: index }, 'localsend', () => this.#local.send(localsend));
      this.#collect(index);
      sleepUntil(now() + REACTION);
      this.#collect(index);
    }
  }

  #sendPacket(event: ScenarioEvent, packet: Uint8Array, index: number): void {
    this.#attempt({ event: index }, 'inject', () =>
      this.#world.send(packet, event.from ?? 'client', event.mark ?? 0, event.offload ?? false),
    );
    this.#collect(index);
    // a reaction to a reaction takes longer: an echo server's, say
    for (let i = 0; i < 3; i++) {
      sleepUntil(now() + REACTION);
      if (!this.#collect(index) && !this.#local.listening) break;
    }
  }

  #ipvsadm(line: string, stdin: string | undefined, event: number): void {
    const { rc, stderr, stdout } = run(['ipvsadm', ...shellWords(line)], stdin);
    this.#result.ipvsadm_results.push({ event, rc, stderr, stdout });
    if (rc !== 0) this.#result.errors.push({ event, ipvsadm: line, rc, stderr });
    this.#collect(event);
  }

  #shell(cmd: string, event: number | null): void {
    const { rc, stderr } = run(cmd);
    if (rc !== 0) this.#result.errors.push({ event, cmd, rc, stderr });
  }

  #dump(commands: readonly string[], event: number): void {
    for (const cmd of commands) {
      const { rc, stdout, stderr } = run(cmd);
      this.#result.dumps.push(stdout + stderr);
      this.#result.dumps_normalised.push(normaliseDump(cmd, stdout + stderr));
      this.#result.dump_index.push({ event, cmd, rc });
    }
  }

  #setSysctls(values: Record<string, number | string>, event: number | null): void {
    for (const [key, value] of Object.entries(values)) {
      const path = key.includes('.') ? key.replaceAll('.', '/').replace(/^net\//, '') : `ipv4/vs/${key}`;
      this.#attempt({ event, sysctl: key, value }, 'error', () => writeNetSysctl(path, value));
    }
  }

  /** Takes what the director has sent as an effect of `event`. @returns whether there was anything. */
  #collect(event: number | null, after: number | null = null): boolean {
    this.#local.collect(event);
    let any = false;
    for (let more = true; more; ) {
      more = this.#local.echo();
      for (const packet of this.#world.receive()) {
        this.#result.emitted.push(event === null ? { event, ...packet, after } : { event, ...packet });
        more = true;
        any = true;
      }
    }
    return any;
  }

  /** Carries out `action`; an error of the system becomes an entry of the result. */
  #attempt(entry: Outcome['errors'][number], key: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      const errno = error instanceof SystemError ? error.number : (error as NodeJS.ErrnoException).errno;
      if (errno === undefined) throw error;
      this.#result.errors.push({ ...entry, [key]: errorText(errno) });
    }
  }

  /** A synchronisation daemon would hold its namespace for ever. */
  #stopDaemons(): void {
    const lines = [...this.#scenario.rules, ...this.#scenario.events.map((event) => event.ipvsadm ?? '')];
    if (!lines.some((line) => line.includes('--start-daemon'))) return;
    run('ipvsadm --stop-daemon master');
    run('ipvsadm --stop-daemon backup');
  }
}

/** Plays a scenario in a network of its own, and leaves nothing of it. */
export function play(scenario: Scenario): Outcome {
  const player = new Player(scenario);
  try {
    return player.play();
  } finally {
    player.close();
  }
}
