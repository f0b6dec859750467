/** `cat` and `sysctl` of the files in /proc that a scenario's director has. */
import { IpvsError } from '../../errors.js';
import type { CommandResult } from './format.js';
import type { SimHost } from './sim-host.js';
import type { Tools } from './tools.js';

const NET = '/proc/net/';
const SYS = '/proc/sys/';
const VS = 'net/ipv4/vs/';

/** Sets a sysctl by its path below /proc/sys. @throws IpvsError. */
export function setSysctl(host: SimHost, tools: Tools, path: string, value: string): void {
  if (path.startsWith(VS)) tools.setSysctl(path.slice(VS.length), value);
  else if (path.startsWith('net/')) host.sysctls.set(path.slice(4), value);
  else throw new IpvsError('NO_SYSCTL', 'No such file or directory', path);
}

/** Shows files one after the other; complains last, as output that is collected has it. @throws NOT_SUPPORTED */
export function cat(host: SimHost, tools: Tools, paths: string[]): Required<CommandResult> {
  const result = { rc: 0, stdout: '', stderr: '' };
  for (const path of paths) {
    const text = read(host, tools, path);
    if (text === undefined) {
      result.stderr += `cat: ${path}: No such file or directory\n`;
      result.rc = 1;
    } else result.stdout += text;
  }
  return result;
}

/** `sysctl [-n] [-q] [-e] [-w] NAME[=VALUE]...`. @throws NOT_SUPPORTED */
export function sysctl(host: SimHost, tools: Tools, args: string[]): Required<CommandResult> {
  const result = { rc: 0, stdout: '', stderr: '' };
  const options = args.filter((arg) => arg.startsWith('-')).join('');
  const fail = (text: string): void => {
    result.stderr += `sysctl: ${text}\n`;
    result.rc = 1;
  };
  for (const arg of args.filter((a) => !a.startsWith('-'))) {
    const [name, value] = arg.split('=');
    const path = name!.replaceAll('.', '/');
    const dotted = path.replaceAll('/', '.');
    let now: string | undefined;
    try {
      if (value !== undefined) setSysctl(host, tools, path, value);
      now = value ?? read(host, tools, SYS + path)?.trimEnd();
    } catch (error) {
      if (!(error instanceof IpvsError) || error.code === 'NOT_SUPPORTED') throw error;
      if (error.code !== 'NO_SYSCTL') {
        fail(`setting key "${dotted}": Invalid argument`);
        continue;
      }
    }
    if (now === undefined) {
      if (!options.includes('e')) fail(`cannot stat ${SYS}${path}: No such file or directory`);
    } else if (value === undefined || !options.includes('q')) {
      result.stdout += options.includes('n') ? `${now}\n` : `${dotted} = ${now}\n`;
    }
  }
  return result;
}

/** A file's text; undefined when there is no such file. @throws NOT_SUPPORTED for what the model has not. */
function read(host: SimHost, tools: Tools, path: string): string | undefined {
  try {
    if (path.startsWith(`${NET}ip_vs`)) return tools.proc(path.slice(NET.length));
    if (path.startsWith(SYS + VS)) return `${tools.getSysctl(path.slice(SYS.length + VS.length))}\n`;
  } catch (error) {
    if (error instanceof IpvsError) return undefined;
    throw error;
  }
  const value = path.startsWith(`${SYS}net/`) ? host.sysctls.read(path.slice(SYS.length + 4)) : undefined;
  if (value === undefined) throw new IpvsError('NOT_SUPPORTED', `${path}: not known to the simulation`);
  return `${value}\n`;
}
