/** The commands that a scenario may run besides ipvsadm: a small part of what a shell has. */
import { IpvsError } from '../../errors.js';
import type { CommandResult } from './format.js';
import { ipCommand } from './ip-command.js';
import { shellWords } from './shell-words.js';
import type { SimHost } from './sim-host.js';
import type { Tools } from './tools.js';

const VS = 'net/ipv4/vs/';

/** Sets a sysctl by its path below /proc/sys. @throws IpvsError. */
export function setSysctl(host: SimHost, tools: Tools, path: string, value: string): void {
  if (path.startsWith(VS)) tools.setSysctl(path.slice(VS.length), value);
  else if (path.startsWith('net/')) host.sysctls.set(path.slice(4), value);
  else throw new IpvsError('NO_SYSCTL', 'No such file or directory', path);
}

/**
 * Runs one command: `ip`, `ipvsadm`, `sysctl [-w] NAME=VALUE`, `sysctl [-n] NAME`, `cat` of a file of IPVS in /proc, `true`.
 * Never throws: what is not understood ends in exit code 127.
 */
export async function runCommand(
  host: SimHost,
  tools: Tools,
  line: string,
  stdin?: string,
): Promise<Required<CommandResult>> {
  try {
    const [program, ...args] = shellWords(line);
    switch (program?.replace(/^.*\//, '')) {
      case 'ipvsadm':
        return await tools.ipvsadm(args, stdin);
      case 'ip':
        ipCommand(host.config, args);
        host.configured();
        return success('');
      case 'sysctl':
        return success(sysctl(host, tools, args));
      case 'cat':
        return success(args.map((path) => file(tools, path)).join(''));
      case 'true':
      case 'modprobe':
        return success('');
      default:
        return { rc: 127, stdout: '', stderr: `${program ?? line}: not known to the simulation\n` };
    }
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    return { rc: error.code === 'NOT_SUPPORTED' ? 127 : 2, stdout: '', stderr: `${error.message}\n` };
  }
}

const success = (stdout: string): Required<CommandResult> => ({ rc: 0, stdout, stderr: '' });

function sysctl(host: SimHost, tools: Tools, args: string[]): string {
  let out = '';
  const bare = args.includes('-n');
  for (const arg of args.filter((a) => !a.startsWith('-'))) {
    const [name, value] = arg.split('=');
    const path = name!.replaceAll('.', '/');
    if (value !== undefined) setSysctl(host, tools, path, value);
    const now = value ?? readSysctl(tools, path);
    out += bare ? `${now}\n` : `${name} = ${now}\n`;
  }
  return out;
}

function readSysctl(tools: Tools, path: string): string {
  if (!path.startsWith(VS)) throw new IpvsError('NO_SYSCTL', undefined, path);
  return tools.getSysctl(path.slice(VS.length));
}

function file(tools: Tools, path: string): string {
  if (path.startsWith('/proc/net/')) return tools.proc(path.slice('/proc/net/'.length));
  if (path.startsWith('/proc/sys/')) return `${readSysctl(tools, path.slice('/proc/sys/'.length))}\n`;
  throw new IpvsError('NOT_SUPPORTED', `${path}: not known to the simulation`);
}
