/** Plays a scenario against the engine, in virtual time. */

import type { Net } from '../../engine/net.js';
import { IpvsError } from '../../errors.js';
import { type InetAddr, inetToString } from '../../wire/inet.js';
import { isChatter } from './chatter.js';
import {
  type EmittedPacket,
  emptyOutcome,
  type LocalSend,
  type Outcome,
  type Scenario,
  type ScenarioEvent,
} from './format.js';
import { injectPacket } from './inject.js';
import { macText } from './ip-config.js';
import { normaliseDump } from './normalise.js';
import { parseAddress } from './prefix.js';
import { setSysctl } from './proc-files.js';
import { runCommand } from './shell.js';
import { shellWords } from './shell-words.js';
import { type Frame, SimHost } from './sim-host.js';
import type { Tools } from './tools.js';
import { standardTopology, type Topology } from './topology.js';

/** The namespace is so old when a scenario begins, ms: the phase of the estimator. */
const AGE = 3000;

/** An engine on a host, and the commands that steer it. */
export interface Director {
  readonly net: Net;
  readonly tools: Tools;
}

/**
 * Plays `scenario` from beginning to end.
 * @param director makes the engine that is to sit in the host's hooks.
 * @throws IpvsError when the scenario's topology is wrong; what its commands end in is in the outcome.
 */
export async function play(scenario: Scenario, director: (host: SimHost) => Director): Promise<Outcome> {
  const player = new Player(scenario, director);
  await player.play();
  return player.outcome;
}

class Player {
  readonly outcome: Outcome;
  readonly #scenario: Scenario;
  readonly #topology: Topology;
  readonly #host: SimHost;
  readonly #tools: Tools;
  readonly #names = new Map<string, string>();
  readonly #clients = new Set<string>();
  /** What left since it was last looked at. */
  #frames: Frame[] = [];
  /** Texts that `debug_level` has shown since. */
  #shown: string[] = [];
  #event: number | null = null;
  #now = 0;

  constructor(scenario: Scenario, director: (host: SimHost) => Director) {
    this.#scenario = scenario;
    this.#topology = scenario.topology ?? standardTopology();
    for (const host of this.#topology.hosts) this.#names.set(host.mac.toLowerCase(), host.name);
    this.#host = new SimHost(this.#topology, (frame) => this.#frames.push(frame));
    const { net, tools } = director(this.#host);
    this.#host.attach(net);
    this.#host.onDebug = (text) => {
      this.outcome.debug ??= [];
      this.#shown.push(text);
    };
    this.#tools = tools;
    this.outcome = emptyOutcome(scenario.name);
  }

  async play(): Promise<void> {
    const { sysctl, setup, listen, rules, events, linger } = this.#scenario;
    this.#sysctls(sysctl, null);
    for (const command of setup) await this.#shell(command, null);
    for (const { addr, port } of listen) this.#host.sockets.listen(parseAddress(addr, 'listen'), port);
    this.#advance(0, null);
    for (const rule of rules) {
      const { rc, stderr, stdout } = await this.#tools.ipvsadm(shellWords(rule), undefined);
      this.outcome.rule_results.push({ rc, stderr, ...(stdout !== '' && { stdout }) });
      if (rc !== 0) this.outcome.errors.push({ event: null, ipvsadm: rule, rc, stderr });
    }
    let end = 0;
    for (const [i, event] of events.entries()) {
      this.#advance(event.at, i === 0 ? null : i - 1);
      end = Math.max(end, event.at);
      this.#event = i;
      await this.#do(event, i);
      // recordings do not put down to such an event what it brings about
      if (event.shell !== undefined || event.sysctl !== undefined) this.#collect(null, i);
      else this.#collect(i, null);
      this.#event = null;
    }
    this.#advance(end + linger + 0.02, events.length - 1);
  }

  /** Time goes on to `seconds`; what leaves meanwhile comes after event `after`. */
  #advance(seconds: number, after: number | null): void {
    // microseconds: a sum of tenths of seconds must not end just below a tick
    const to = AGE + Math.round(seconds * 1e6) / 1000;
    if (to > this.#now) this.#host.advance(to);
    this.#now = Math.max(to, this.#now);
    this.#collect(null, after);
  }

  async #do(event: ScenarioEvent, i: number): Promise<void> {
    const { errors, ipvsadm_results, dumps, dumps_normalised, dump_index } = this.outcome;
    if (event.packet !== undefined) {
      const error = injectPacket(this.#host, this.#topology, event);
      if (error !== undefined) errors.push({ event: i, inject: error });
    } else if (event.ipvsadm !== undefined) {
      const { rc, stderr, stdout } = await this.#tools.ipvsadm(shellWords(event.ipvsadm), event.stdin);
      ipvsadm_results.push({ event: i, rc, stderr, stdout });
      if (rc !== 0) errors.push({ event: i, ipvsadm: event.ipvsadm, rc, stderr });
    } else if (event.sysctl !== undefined) {
      this.#sysctls(event.sysctl, i);
    } else if (event.shell !== undefined) {
      await this.#shell(event.shell, i);
    } else if (event.localsend !== undefined) {
      const error = this.#localSend(event.localsend);
      if (error !== undefined) errors.push({ event: i, localsend: error });
    }
    for (const cmd of event.dump ?? []) {
      const { rc, stdout, stderr } = await runCommand(this.#host, this.#tools, cmd);
      dumps.push(stdout + stderr);
      dumps_normalised.push(normaliseDump(cmd, stdout + stderr));
      dump_index.push({ event: i, cmd, rc });
    }
  }

  async #shell(cmd: string, event: number | null): Promise<void> {
    const { rc, stderr } = await runCommand(this.#host, this.#tools, cmd);
    if (rc !== 0) this.outcome.errors.push({ event, cmd, rc, stderr });
  }

  /** Names without a dot are those of net.ipv4.vs. */
  #sysctls(values: Record<string, string | number>, event: number | null): void {
    for (const [sysctl, value] of Object.entries(values)) {
      const path = sysctl.includes('.') ? sysctl.replaceAll('.', '/') : `ipv4/vs/${sysctl}`;
      try {
        setSysctl(this.#host, this.#tools, path.startsWith('net/') ? path : `net/${path}`, String(value));
      } catch (error) {
        if (!(error instanceof IpvsError)) throw error;
        this.outcome.errors.push({ event, sysctl, value, error: error.message });
      }
    }
  }

  #localSend(m: LocalSend): string | undefined {
    const addr = parseAddress(m.addr, 'localsend.addr');
    const key = `${m.addr} ${m.port}`;
    if (!this.#clients.has(key)) {
      const receive = (data: Uint8Array, from: InetAddr, port: number): void => {
        const hex = Buffer.from(data).toString('hex');
        this.outcome.localrecv.push({
          event: this.#event,
          at: [m.addr, m.port],
          from: [inetToString(from), port],
          hex,
        });
      };
      if (!this.#host.sockets.bind(addr, m.port, receive)) return 'Cannot assign requested address';
      this.#clients.add(key);
    }
    const data = Buffer.from(m.hex, 'hex');
    return this.#host.sockets.send(addr, m.port, parseAddress(m.to, 'localsend.to'), m.toport, data);
  }

  /** Writes down what left: by interface, because the recordings look at one after the other. */
  #collect(event: number | null, after: number | null): void {
    for (const text of this.#shown.splice(0)) this.outcome.debug!.push({ event, after, text });
    const frames = this.#frames;
    this.#frames = [];
    frames.sort((a, b) => a.link.ifindex - b.link.ifindex);
    for (const { link, mac, bytes } of frames) {
      if (isChatter(bytes)) continue;
      const text = macText(mac);
      const to = this.#names.get(text) ?? ((mac[0]! & 1) !== 0 ? 'mcast' : text.replaceAll(':', ''));
      const hex = Buffer.from(bytes).toString('hex');
      const packet: EmittedPacket = { event, to, side: link.side, mac: text, hex };
      this.outcome.emitted.push(event === null ? { ...packet, after } : packet);
    }
  }
}
