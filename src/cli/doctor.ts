/** `ipvsd doctor`: what this machine offers, and what the daemon will make of it. */
import type { Diagnosis } from '../datapath/doctor/diagnosis.js';
import { examine } from '../datapath/doctor/examine.js';
import { enterNetns } from '../linux/netns.js';

/** Examines the machine. @param netns by its name; the process's own when left out. @throws NO_NETNS */
export function doctor(netns: string | undefined): Diagnosis {
  if (netns !== undefined) enterNetns(netns);
  return examine();
}

const TIERS = {
  xdp: 'XDP and tc: the kernel carries established connections, the engine what begins and ends them',
  tc: 'tc: the kernel carries established connections, the engine what begins and ends them',
  tun: 'TUN: the engine carries all packets',
  none: 'none: only control, without packets',
} as const;

/** The diagnosis as lines of text. */
export function describe({ kernel, arch, findings, interfaces, tier, why }: Diagnosis): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = [`Linux ${kernel}, ${arch}`, ''];
  for (const { name, ok, purpose, detail } of findings) {
    lines.push(`${ok ? 'yes' : ' no'}  ${name.padEnd(width)}  ${firstLine(detail)} (${purpose})`);
  }
  lines.push('', 'Interfaces:');
  for (const { name, up, tc, xdp, withoutXdp } of interfaces) {
    const used = withoutXdp === undefined ? 'used' : `not used by --xdp auto: ${withoutXdp}`;
    lines.push(
      `  ${name}: ${up ? 'up' : 'down'}, tc ${tc ? 'yes' : 'no'}, XDP in the driver: ${xdp}, ${used}`,
    );
  }
  if (interfaces.length === 0) lines.push('  none but the loopback');
  lines.push('', `Tier: ${TIERS[tier]}`, `      ${firstLine(why)}`);
  return lines.join('\n');
}

/** A refused program brings the verifier's last words along, which are for --json. */
function firstLine(text: string): string {
  return text.split('\n')[0]!;
}
