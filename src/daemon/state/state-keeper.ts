/** Keeps the state of one director in files, from which the next daemon in the same network namespace goes on. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CommandName, Director, ServiceKey, VipSpec } from '../../control/command.js';
import { toServiceId } from '../../control/translate.js';
import type { Report } from '../../datapath/tun/tun-datapath.js';
import type { Dest } from '../../engine/dest.js';
import type { Carried } from '../../engine/fast-path.js';
import type { Net } from '../../engine/net.js';
import type { ServiceId } from '../../engine/service.js';
import { restoreConns } from '../../engine/snapshot/conns.js';
import { restoreDests, restoreRest } from '../../engine/snapshot/remainder.js';
import { IpvsError } from '../../errors.js';
import type { Defaults } from '../config/managed.js';
import { ConnFile, monotonic, readConns, type SavedConns } from './conn-file.js';
import { restoreRules, serviceRecord, serviceRecords, settingRecords } from './restore-rules.js';
import { RulesLog, type RulesRecord, readRules, type SavedRules } from './rules-log.js';

/** Commands that change a service, which their argument names, */
const CHANGE_SERVICE = /^(service\.(add|edit|delete)|dest\.(add|edit|delete|drain|undrain))$/;
/** what is no service, */
const CHANGE_SETTING = /^(sysctl\.set|timeout\.set|daemon\.(start|stop)|vip\.(add|delete))$/;
/** Between the end of one file of connections and the beginning of the next, ms. */
const PERIOD = 2000;
/** How long a file of connections may keep packets waiting, ms: parts of it are written for so long, */
const SLICE = 2;
/** and then not for so many times as long. */
const SHARE = 20;

/** Where, and of what. */
export interface KeptState {
  /** Path of the file with the rules, */
  readonly rules: string;
  /** and of that with the connections. */
  readonly conns: string;
  /** `NetnsIdentity.unique` */
  readonly namespace: string;
  /** What a director has by itself. */
  readonly defaults: Defaults;
  /** Connections that the fast path carries are in maps that outlive this daemon: they need not be asked for each time. */
  readonly pinned: boolean;
  /** ms that go on when a process ends. @default CLOCK_MONOTONIC */
  readonly clock?: () => number;
}

/** To be told of commands, and of each turn of the loop. */
export class StateKeeper {
  /** What the fast path had carried for dests when the counters that were restored were written down. */
  readonly carried = new Map<Dest, Carried>();
  readonly #net: Net;
  readonly #state: KeptState;
  readonly #report: Report;
  readonly #log: RulesLog;
  readonly #clock: () => number;
  #vips: () => readonly VipSpec[] = () => [];
  readonly #changed = new Map<string, ServiceId>();
  #settingsChanged = false;
  #all = true;
  #behind = false;
  #file: ConnFile | undefined;
  /** When the next part may be written, ms. */
  #next = 0;
  #closed = false;
  /** When the record was written that this director goes on from, until it does. */
  #since: number | undefined;
  #gap = 0;

  /** @param net to which nothing has been said yet. */
  constructor(net: Net, state: KeptState, report: Report) {
    this.#net = net;
    this.#state = state;
    this.#report = report;
    this.#clock = state.clock ?? monotonic;
    this.#log = new RulesLog(state.rules, state.namespace);
    mkdirSync(dirname(state.rules), { recursive: true, mode: 0o755 });
  }

  /**
   * Brings rules and connections back, before packets come. A file that cannot be used is set aside, and said so.
   * @returns what is to be brought back by commands, when packets can come.
   */
  restore(): Pick<SavedRules, 'sync' | 'vips'> {
    const rules = this.#read(
      () => readRules(this.#state.rules, this.#state.namespace),
      [this.#state.rules, this.#state.conns],
    );
    if (rules === undefined) return { sync: [], vips: [] };
    const { ipvs } = this.#net;
    restoreRules(ipvs, rules, this.#clock(), (what, error) =>
      this.#report('error', 'not restored', { what, error: String(error) }),
    );
    const { namespace, conns: path } = this.#state;
    this.#read(() => {
      const saved = readConns(path, namespace);
      if (saved !== undefined) this.#restoreConns(saved);
      return saved;
    }, [path]);
    const { services } = rules;
    this.#report('info', 'state restored', { services: services.length, connections: ipvs.conns.count });
    return rules;
  }

  /** Brings back what commands do: sync daemons, and addresses on interfaces. @param present the addresses that there are. */
  async resume(
    { sync, vips }: Pick<SavedRules, 'sync' | 'vips'>,
    director: Director,
    present: () => readonly VipSpec[],
  ): Promise<void> {
    this.#vips = present;
    for (const vip of vips) await this.#again(vip.address, director.execute('vip.add', { vip }));
    for (const daemon of sync)
      await this.#again(`sync ${daemon.state}`, director.execute('daemon.start', { daemon }));
    this.#all = true;
  }

  /** The same director, but that its commands are put on record. */
  recording(director: Director): Director {
    return {
      execute: async (name, args) => {
        const result = await director.execute(name, args);
        this.#note(name, args);
        return result;
      },
    };
  }

  #note(name: CommandName, args: unknown): void {
    if (name === 'flush') this.#all = true;
    else if (CHANGE_SETTING.test(name)) this.#settingsChanged = true;
    else if (CHANGE_SERVICE.test(name)) this.changed(toServiceId((args as { service: ServiceKey }).service));
  }

  /** Notes that a service is another one, by a command or without one. */
  changed(id: ServiceId): void {
    this.#changed.set(`${id.fwmark} ${id.family} ${id.protocol} ${id.addr.words.join(' ')} ${id.port}`, id);
  }

  /** Puts on record what commands have changed. To be called before they are answered. */
  save(): void {
    if (this.#closed || !(this.#all || this.#settingsChanged || this.#changed.size > 0)) return;
    this.#attempt(() => {
      const { ipvs } = this.#net;
      if (this.#all || this.#log.long) {
        this.#log.rewrite([...this.#settings(), ...serviceRecords(ipvs, this.#clock())]);
      } else {
        const records = [...this.#changed.values()].map((id) => serviceRecord(ipvs, id, this.#clock()));
        this.#log.append(this.#settingsChanged ? [...records, ...this.#settings()] : records);
      }
      this.#all = false;
      this.#settingsChanged = false;
      this.#changed.clear();
    });
  }

  /** Numbers by name: `restartGap`, ms between the last record of the director before and this one's first turn. */
  get counters(): { readonly restartGap: number } {
    return { restartGap: this.#gap };
  }

  /** Puts some of the connections on record, when it is time. */
  turn(): void {
    if (this.#since !== undefined) this.#gap = this.#clock() - this.#since;
    this.#since = undefined;
    const now = performance.now();
    if (this.#closed || now < this.#next) return;
    this.#attempt(() => {
      this.#file ??= this.#newFile();
      let whole = this.#file.step();
      while (!whole && performance.now() - now < SLICE) whole = this.#file.step();
      if (whole) this.#file = undefined;
      const end = performance.now();
      this.#next = end + Math.max((end - now) * SHARE, whole ? PERIOD : 0);
    });
  }

  /** Puts everything on record for the last time: nothing changes any more. */
  close(): void {
    if (this.#closed) return;
    this.save();
    this.#file?.abandon();
    this.#file = undefined;
    this.#attempt(() => {
      const file = this.#newFile();
      while (!file.step());
    });
    this.#log.close();
    this.#closed = true;
  }

  /** Removes what is on record. */
  forget(): void {
    this.#closed = true;
    this.#log.close();
    this.#file?.abandon();
    for (const path of [this.#state.rules, this.#state.conns]) rmSync(path, { force: true });
  }

  #newFile(): ConnFile {
    const { conns, namespace, pinned } = this.#state;
    return new ConnFile(conns, namespace, this.#net.ipvs, !pinned, this.#clock);
  }

  #settings(): RulesRecord[] {
    return [...settingRecords(this.#net.ipvs, this.#state.defaults), { vips: this.#vips() }];
  }

  #restoreConns({ words, remainder, time }: SavedConns): void {
    const { hz, jiffies } = this.#net;
    if (remainder.hz !== hz)
      throw new IpvsError('BAD_STATE', `${remainder.hz} jiffies a second: expected ${hz}`);
    this.#since = time;
    const passed = Math.max(0, Math.round(((this.#clock() - time) * hz) / 1000));
    const shift = (jiffies - remainder.jiffies - passed) | 0;
    const dests = restoreDests(this.#net.ipvs, remainder);
    const places = restoreConns(this.#net.ipvs, words, { shift, dest: (index) => dests.get(index) });
    restoreRest(this.#net.ipvs, remainder, places, shift);
    for (const { index, carried } of remainder.dests) {
      if (carried !== undefined) this.carried.set(dests.get(index)!, carried);
    }
  }

  /** Reads a file; one that cannot be used is set aside, with those that mean nothing without it. */
  #read<T>(read: () => T, files: readonly string[]): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      const kept = files.map(setAside).filter((name) => name !== undefined);
      const { code, message } = error;
      this.#report('error', 'state refused', {
        code,
        reason: message,
        file: files[0]!,
        kept: kept.join(', '),
      });
      return undefined;
    }
  }

  async #again(what: string, done: Promise<unknown>): Promise<void> {
    try {
      await done;
    } catch (error) {
      this.#report('error', 'not restored', { what, error: String(error) });
    }
  }

  /** A full disk does not end the daemon. */
  #attempt(write: () => void): void {
    try {
      write();
      if (this.#behind) this.#report('info', 'state is on record again');
      this.#behind = false;
    } catch (error) {
      this.#all = true;
      this.#file?.abandon();
      this.#file = undefined;
      this.#next = performance.now() + PERIOD;
      if (!this.#behind) this.#report('error', 'state is not on record', { error: String(error) });
      this.#behind = true;
    }
  }
}

/** Gives a file another name, under which nobody writes. @returns that name, or undefined when there is no such file. */
function setAside(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  let name = `${path}.refused`;
  for (let n = 2; existsSync(name); n++) name = `${path}.refused${n}`;
  renameSync(path, name);
  return name;
}
