/** What a scenario needs of the layers above: its commands, on the director in the simulation. */
import type { CommandResult } from './format.js';

/** The commands of a scenario. Texts are what the real programs would print. */
export interface Tools {
  /** Runs ipvsadm. */
  ipvsadm(args: string[], stdin: string | undefined): Promise<Required<CommandResult>>;
  /** Sets a sysctl of net.ipv4.vs. @throws IpvsError. */
  setSysctl(name: string, value: string): void;
  /** Value of one. @throws IpvsError. */
  getSysctl(name: string): string;
  /** Text of /proc/net/`name`. @throws IpvsError. */
  proc(name: string): string;
}
