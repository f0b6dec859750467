/** The commands that a scenario may run besides ipvsadm: a small part of what a shell has. */
import { IpvsError } from '../../errors.js';
import type { CommandResult } from './format.js';
import { ipCommand } from './ip-command.js';
import { cat, sysctl } from './proc-files.js';
import { shellWords } from './shell-words.js';
import type { SimHost } from './sim-host.js';
import type { Tools } from './tools.js';

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
        return sysctl(host, tools, args);
      case 'cat':
        return cat(host, tools, args);
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
