/** Writing scenarios down. */
import type { LocalSend, ScenarioEvent } from '../../../src/datapath/scenario/format.js';
import type { ScenarioFile } from '../format.js';

/** Seconds between two events, unless the story waits. */
const STEP = 0.05;

/** A scenario in the making: every call adds something that happens after what was added before. */
export class Story {
  readonly #scenario: ScenarioFile;
  #now = 0;

  /** @param name with the category in front of the first underscore. */
  constructor(name: string, about: string, rules: readonly string[]) {
    this.#scenario = {
      name,
      category: name.slice(0, name.indexOf('_')),
      about,
      rules: [...rules],
      events: [],
    };
  }

  /** Sysctls before the rules. */
  sysctl(values: Record<string, number | string>): this {
    this.#scenario.sysctl = { ...this.#scenario.sysctl, ...values };
    return this;
  }

  /** Commands before the rules. */
  setup(...commands: readonly string[]): this {
    this.#scenario.setup = [...(this.#scenario.setup ?? []), ...commands];
    return this;
  }

  /** A UDP echo server on the director. */
  listen(addr: string, port: number): this {
    this.#scenario.listen = [...(this.#scenario.listen ?? []), { addr, port }];
    return this;
  }

  /** Lets time pass. */
  wait(seconds: number): this {
    this.#now += seconds;
    return this;
  }

  /** A packet from a host, with a note for people. */
  send(
    from: string,
    packet: Uint8Array,
    note?: string,
    more: Pick<ScenarioEvent, 'mark' | 'offload'> = {},
  ): this {
    return this.#add({
      from,
      ...(note === undefined ? {} : { note }),
      ...more,
      packet: Buffer.from(packet).toString('hex'),
    });
  }

  /** Output of these commands is kept. */
  dump(...commands: readonly string[]): this {
    return this.#add({ dump: [...commands] });
  }

  ipvsadm(line: string, stdin?: string): this {
    return this.#add({ ipvsadm: line, ...(stdin === undefined ? {} : { stdin }) });
  }

  /** Changes sysctls on the way. */
  change(values: Record<string, number | string>): this {
    return this.#add({ sysctl: values });
  }

  shell(command: string): this {
    return this.#add({ shell: command });
  }

  localSend(localsend: LocalSend): this {
    return this.#add({ localsend });
  }

  /** Goes on watching after the last event. */
  linger(seconds: number): this {
    this.#scenario.linger = seconds;
    return this;
  }

  end(): ScenarioFile {
    return this.#scenario;
  }

  #add(event: Omit<ScenarioEvent, 'at'>): this {
    this.#scenario.events.push({ at: Number(this.#now.toFixed(3)), ...event });
    this.#now += STEP;
    return this;
  }
}
