/** Very many services, as a configuration and as rules of ipvsadm. */

/** Real servers of each service. */
export const SERVERS_EACH = 10;

const virtual = (i: number): string => `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
const real = (i: number, n: number): string => `10.${200 + n}.${(i >> 8) & 255}.${i & 255}`;

/**
 * A configuration of `count` TCP services, each with ten real servers by NAT, no two alike.
 * @param weight of the first server of the first service. @param check what each server is asked; not at all when it is left out.
 */
export function largeConfig(count: number, weight = 1, check?: string): string {
  const lines = ['services:'];
  for (let i = 0; i < count; i++) {
    lines.push('  - protocol: tcp', `    address: ${virtual(i)}`, '    port: 80', '    scheduler: rr');
    if (check !== undefined) lines.push(`    health: { checks: [${check}] }`);
    lines.push('    dests:');
    for (let n = 0; n < SERVERS_EACH; n++) {
      const own = i + n === 0 ? weight : 1;
      lines.push(`      - { address: ${real(i, n)}, port: 8080, forward: masq, weight: ${own} }`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The same as `ipvsadm -R` reads it. */
export function largeRules(count: number): string {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const service = `-t ${virtual(i)}:80`;
    lines.push(`-A ${service} -s rr`);
    for (let n = 0; n < SERVERS_EACH; n++) lines.push(`-a ${service} -r ${real(i, n)}:8080 -m -w 1`);
  }
  return `${lines.join('\n')}\n`;
}
