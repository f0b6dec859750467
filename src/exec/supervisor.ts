/** Carries out the calls of programs that are about IPVS. */
import type { Director } from '../control/command.js';
import { closeFd } from '../linux/fd.js';
import type { Listener } from '../linux/seccomp.js';
import { Call } from './call.js';
import { accessFile, openFile, readLink, statFile } from './file-calls.js';
import { loadModules } from './modprobe.js';
import { NetlinkCalls } from './netlink-calls.js';
import { getSocketOption, setSocketOption } from './option-calls.js';
import { SysctlFiles } from './sysctl-files.js';

/** While something is under way, ms. */
const SOON = 5;

/** What happens to the calls that the gate hands over. */
export class Supervisor {
  readonly #listener: Listener;
  readonly #director: Director;
  readonly #netlink: NetlinkCalls;
  readonly #sysctls: SysctlFiles;
  readonly #log: (message: string) => void;
  #underWay = 0;

  /** @param log takes what no program is told of. */
  constructor(listener: Listener, director: Director, log: (message: string) => void) {
    this.#listener = listener;
    this.#director = director;
    this.#netlink = new NetlinkCalls(director);
    this.#sysctls = new SysctlFiles(director, log);
    this.#log = log;
  }

  /** How long may be waited for calls before what is under way is looked after, ms; -1 for as long as none comes. */
  get patience(): number {
    if (this.#underWay > 0) return SOON;
    return this.#sysctls.anyOpen ? SysctlFiles.PERIOD : -1;
  }

  /** Ends a call in one way or another. Never rejects. @param bytes of the notification. @param path among its arguments, when it is ours. */
  async handle(bytes: Uint8Array, path?: string): Promise<void> {
    const call = new Call(this.#listener, bytes, path);
    this.#underWay++;
    try {
      await this.#sysctls.settle();
      await this.#carryOut(call);
    } catch (error) {
      this.#log(`${call.name} of ${call.tid}: ${error instanceof Error ? error.message : String(error)}`);
      try {
        call.failWith(error);
      } catch (fault) {
        this.#log(String(fault));
      }
    } finally {
      this.#underWay--;
    }
  }

  #carryOut(call: Call): Promise<void> | void {
    switch (call.name) {
      case 'socket':
        return this.#netlink.open(call);
      case 'write':
      case 'sendto':
      case 'sendmsg':
        return this.#onReserved(
          call,
          async (fd) =>
            (await this.#netlink.send(call, fd)) || (call.name === 'write' && this.#sysctls.write(call, fd)),
        );
      case 'recvfrom':
      case 'recvmsg':
        return this.#onReserved(call, (fd) => this.#netlink.receive(call, fd));
      case 'getsockopt':
        return getSocketOption(call, this.#director);
      case 'setsockopt':
        return setSocketOption(call, this.#director);
      case 'open':
      case 'openat':
      case 'openat2':
        return openFile(call, this.#director, this.#sysctls);
      case 'stat':
      case 'lstat':
      case 'newfstatat':
      case 'statx':
        return statFile(call, this.#director);
      case 'access':
      case 'faccessat':
      case 'faccessat2':
        return accessFile(call, this.#director);
      case 'readlink':
      case 'readlinkat':
        return readLink(call, this.#director);
      case 'execve':
      case 'execveat':
        return loadModules(call);
      default:
        return call.goOn();
    }
  }

  /** Does something with a descriptor that may be one that we gave; when it is not, the kernel does what was asked. */
  #onReserved(call: Call, use: (fd: number) => Promise<boolean>): Promise<void> {
    return call.withFd(
      call.int(0),
      async (fd) => {
        if (!(await use(fd))) call.goOn();
      },
      closeFd,
    );
  }
}
