/** Sysctls that programs have opened for writing. */
import { fstatSync } from 'node:fs';
import type { Director } from '../control/command.js';
import { closeFd } from '../linux/fd.js';
import { StreamEnd, streamPair } from '../linux/stream-pair.js';
import type { Call } from './call.js';
import { FD_BASE, FD_RECEIVE } from './reserved-fds.js';

interface OpenSysctl {
  readonly name: string;
  readonly end: StreamEnd;
}

/**
 * A program that writes to the descriptor it was given is told at once what became of it. One that made it another's (a shell's `>` makes it standard
 * output) writes into a stream, which is read before anything else is done for any program: then all is in order but that errors are lost.
 */
export class SysctlFiles {
  /** How often it is looked whether something was written where no call told of it, ms. */
  static readonly PERIOD = 20;
  readonly #director: Director;
  readonly #log: (message: string) => void;
  /** By the inode of the programs' end. */
  readonly #open = new Map<number, OpenSysctl>();
  #timer: NodeJS.Timeout | undefined;
  /** All that was read so far has been set when this is. */
  #settled: Promise<void> = Promise.resolve();

  constructor(director: Director, log: (message: string) => void) {
    this.#director = director;
    this.#log = log;
  }

  /** Whether a program may still write to any. */
  get anyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Returns a descriptor for sysctl `name` from a call that opens it. @param content what can be read from it, if anything */
  give(call: Call, name: string, content: string | undefined, closeOnExec: boolean): void {
    const [ours, theirs] = streamPair();
    const end = new StreamEnd(ours);
    this.#open.set(fstatSync(theirs).ino, { name, end });
    if (content !== undefined) end.writeLast(Buffer.from(content));
    this.#timer ??= setInterval(() => this.settle(), SysctlFiles.PERIOD);
    try {
      call.giveReserved(theirs, closeOnExec, FD_BASE, FD_RECEIVE);
    } finally {
      closeFd(theirs);
    }
  }

  /**
   * write(2) on the caller's descriptor that is `fd` here.
   * @returns false when the descriptor is none of ours.
   */
  async write(call: Call, fd: number): Promise<boolean> {
    const file = this.#open.get(fstatSync(fd).ino);
    if (file === undefined) return false;
    const bytes = call.read(call.word(1), call.word(2));
    await this.#set(file.name, bytes);
    call.succeed(bytes.length);
    return true;
  }

  /** Sets what was written without a call that we saw. Never rejects. */
  settle(): Promise<void> {
    for (const [inode, { name, end }] of this.#open) {
      for (;;) {
        const bytes = end.read();
        if (bytes === undefined) break;
        if (bytes === 'end') {
          end.close();
          this.#open.delete(inode);
          break;
        }
        this.#settled = this.#settled.then(() =>
          this.#set(name, bytes).catch((error) => this.#log(`${name}: ${error}`)),
        );
      }
    }
    if (this.#open.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    return this.#settled;
  }

  async #set(name: string, bytes: Uint8Array): Promise<void> {
    const value = Buffer.from(bytes).toString('latin1').replace(/\0.*$/s, '').replace(/\s+/g, ' ').trim();
    await this.#director.execute('sysctl.set', { name, value });
  }
}
