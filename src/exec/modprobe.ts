/** Programs that want the kernel's IPVS loaded before they use it. It need not be, so that their `modprobe` has nothing to do. */

import { LITTLE } from '../wire/netlink.js';
import type { Call } from './call.js';

/** Words of a command line that are looked at. */
const MOST_WORDS = 32;

/** Whether a program's path is modprobe's. */
export function isModprobe(path: string): boolean {
  return path.endsWith('/modprobe');
}

/** Whether a command line of modprobe asks for nothing but parts of IPVS. @param argv with the program's name */
export function loadsIpvs(argv: readonly string[]): boolean {
  const modules = argv.slice(1).filter((word) => !word.startsWith('-'));
  return modules.length > 0 && modules.every((name) => /^ip_vs(_\w+)?$/.test(name));
}

/** What is run in its stead: it does nothing, and does it well. Not longer than any path of modprobe. */
export const NOTHING = '/bin/true';

/** execve and execveat of modprobe: when IPVS alone is to be loaded, another program takes its place. */
export function loadModules(call: Call): void {
  const [path, argv] = call.name === 'execve' ? [0, 1] : [1, 2];
  if (loadsIpvs(words(call, call.word(argv)))) {
    try {
      call.overwrite(call.word(path), Buffer.from(`${NOTHING}\0`));
    } catch {
      // then modprobe runs, and complains
    }
  }
  call.goOn();
}

/** The texts that an array of pointers points to. */
function words(call: Call, at: number): string[] {
  const found: string[] = [];
  for (let i = 0; i < MOST_WORDS; i++) {
    const pointer = Number(call.view(at + 8 * i, 8).getBigUint64(0, LITTLE));
    if (pointer === 0) break;
    found.push(call.text(pointer));
  }
  return found;
}
