/** A shell under `ipvsd exec`, which runs one command after the other: starting a supervisor for each would take long. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { IPVSD, temporaryFolder } from '../support/daemon.js';

/** What a command came to. */
export interface Ran {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Signals that Linux has. */
const SIGNALS = 64;

/** The shell. */
export class SupervisedShell {
  readonly #folder = temporaryFolder();
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  #waiting: ((line: string) => void) | undefined;

  /** @param socket of the daemon. */
  constructor(socket: string) {
    this.#child = spawn(process.execPath, [IPVSD, 'exec', '--socket', socket, '--', 'sh'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // what Debian brings, and not what we do
      env: { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    this.#lines = createInterface({ input: this.#child.stdout! });
    this.#lines.on('line', (line) => this.#waiting?.(line));
  }

  /** Runs a command. Each word is taken as it is. One that a signal ends has its number, negative, as its exit code. */
  async run(words: readonly string[], stdin = ''): Promise<Ran> {
    const line = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const { rc, stdout, stderr } = await this.script(line, stdin);
    // the shell says what the signal was; ipvsadm's own 255 is none
    return rc > 128 && rc <= 128 + SIGNALS
      ? { rc: 128 - rc, stdout, stderr: stderr.replace(/.*\n$/, '') }
      : { rc, stdout, stderr };
  }

  /** Runs a line of the shell's language. */
  async script(line: string, stdin = ''): Promise<Ran> {
    const [input, output, errors] = ['in', 'out', 'err'].map((name) => `${this.#folder.path}/${name}`);
    writeFileSync(input!, stdin);
    const ended = new Promise<string>((resolve) => {
      this.#waiting = resolve;
    });
    this.#child.stdin!.write(`{ ${line}\n} < ${input} > ${output} 2> ${errors}; echo $?\n`);
    const rc = Number(await ended);
    return { rc, stdout: readFileSync(output!, 'utf8'), stderr: readFileSync(errors!, 'utf8') };
  }

  close(): void {
    this.#child.stdin!.end();
    this.#lines.close();
    this.#folder.remove();
  }
}
