/** Network namespaces for tests with real packets. Each test makes its own and takes them down again. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

/** Why tests with real packets cannot run here, or false: the `skip` option of a test. */
export function skipReason(...programs: string[]): string | false {
  if (process.getuid?.() !== 0) return 'needs root (network namespaces)';
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun';
  const missing = ['ip', ...programs].filter((program) => !onPath(program));
  return missing.length > 0 && `needs ${missing.join(', ')} on the path`;
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((directory) => existsSync(`${directory}/${program}`));
}

/**
 * Runs `command` (words apart by blanks) and gives what it prints; fails with what it complained.
 * @param env added to ours. @param input for its standard input.
 */
export function run(command: string, env: NodeJS.ProcessEnv = {}, input = ''): string {
  const [program, ...args] = command.trim().split(/\s+/);
  return execFileSync(program!, args, {
    encoding: 'utf8',
    input,
    env: { ...process.env, ...env },
    stdio: 'pipe',
    maxBuffer: 1 << 28,
  });
}

/** A set of namespaces with the processes in them. */
export class Namespaces {
  readonly #prefix: string;
  readonly #names: string[] = [];
  readonly #processes: ChildProcess[] = [];

  /** @param prefix of the namespaces' names; the process id keeps it apart from other runs. */
  constructor(prefix: string) {
    this.#prefix = `${prefix}${process.pid}`;
  }

  /** The full name of namespace `name`. */
  name(name: string): string {
    return `${this.#prefix}${name}`;
  }

  /** Makes a namespace with its loopback up. */
  add(name: string): string {
    const full = this.name(name);
    run(`ip netns add ${full}`);
    this.#names.push(full);
    run(`ip -n ${full} link set lo up`);
    // an interface asks for neighbours as soon as it is up, and not after two seconds
    for (const device of ['all', 'default']) this.sysctl(name, `net/ipv6/conf/${device}/accept_dad`, 0);
    return full;
  }

  /** Joins two namespaces by a pair of interfaces, both up. */
  connect(a: string, interfaceA: string, b: string, interfaceB: string): void {
    const [x, y] = [this.name(a), this.name(b)];
    run(`ip -n ${x} link add ${interfaceA} type veth peer name ${interfaceB} netns ${y}`);
    run(`ip -n ${x} link set ${interfaceA} up`);
    run(`ip -n ${y} link set ${interfaceB} up`);
  }

  /** Runs `ip ARGS` in a namespace. */
  ip(name: string, args: string): string {
    return run(`ip -n ${this.name(name)} ${args}`);
  }

  /** Adds addresses without waiting for duplicate address detection. */
  address(name: string, device: string, ...addresses: string[]): void {
    for (const address of addresses) {
      this.ip(name, `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`);
    }
  }

  /** Sets a sysctl (with slashes) in a namespace. */
  sysctl(name: string, path: string, value: string | number): void {
    run(`ip netns exec ${this.name(name)} sysctl -qw ${path}=${value}`);
  }

  /** Runs a program in a namespace and gives what it prints. */
  exec(name: string, command: string): string {
    return run(`ip netns exec ${this.name(name)} ${command}`);
  }

  /** Runs a shell's script in a namespace and gives what it prints. */
  shell(name: string, script: string): string {
    return execFileSync('ip', ['netns', 'exec', this.name(name), 'sh', '-c', script], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }

  /** As {@link exec}, while other things go on. */
  async slowly(name: string, command: string): Promise<string> {
    const args = ['netns', 'exec', this.name(name), ...command.split(' ')];
    return (await promisify(execFile)('ip', args)).stdout;
  }

  /** Starts a program in a namespace and waits until it prints `ready`. `close` kills it. */
  start(name: string, ...args: string[]): Promise<ChildProcess> {
    return this.spawn('ip', 'netns', 'exec', this.name(name), ...args);
  }

  /** Starts a program in a namespace without waiting for anything; its messages go to ours. */
  background(name: string, ...args: string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name(name), ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#processes.push(child);
    return child;
  }

  /** Starts a program in a namespace; `printed` is what it will have printed when it ends. `close` kills it. */
  collect(name: string, ...args: string[]): { child: ChildProcess; printed: Promise<string> } {
    const child = spawn('ip', ['netns', 'exec', this.name(name), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#processes.push(child);
    return { child, printed: text(child.stdout) };
  }

  /** As {@link start}, in the namespace of this process. */
  spawn(program: string, ...args: string[]): Promise<ChildProcess> {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#processes.push(child);
    return new Promise((resolve, reject) => {
      child.stdout!.on('data', (text: Buffer) => {
        if (text.includes('ready')) resolve(child);
      });
      child.once('exit', (code) =>
        reject(new Error(`${args.join(' ')}: ended with ${code} before it was ready`)),
      );
    });
  }

  /** Kills what was started and removes what was made. */
  close(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
    for (const name of this.#names) {
      try {
        run(`ip netns del ${name}`);
      } catch {
        // it is being removed at the end of a test: nobody needs it any more
      }
    }
  }

  /** Leaves everything as it is when this program ends. */
  forget(): void {
    for (const child of this.#processes) child.unref();
    this.#processes.length = 0;
    this.#names.length = 0;
  }

  /** Commands that do what `close` does. */
  removal(): string[] {
    return [
      `kill ${this.#processes.map((child) => child.pid).join(' ')}`,
      ...this.#names.map((name) => `ip netns del ${name}`),
    ];
  }
}
