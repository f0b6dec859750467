/** keepalived's DNS_CHECK: a virtual name server, and a real one that comes and goes. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { rootOnly } from '../support/require-root.js';
import { DirectorLab, server, VIP } from './director-lab.js';

const DNS_ANSWER = fileURLToPath(new URL('./dns-answer.js', import.meta.url));
const PORT = 5353;

describe('keepalived with DNS_CHECK under ipvsd exec', rootOnly('keepalived', 'sysctl'), () => {
  const lab = new DirectorLab();
  const configuration = `
virtual_server ${VIP} 53 {
  delay_loop 1
  lvs_sched rr
  lvs_method NAT
  protocol UDP
${[1, 2]
  .map(
    (n) => `  real_server ${server(n)} ${PORT} {
    DNS_CHECK {
      name example.com
      type A
      connect_timeout 1
      retry 0
      delay_before_retry 1
    }
  }`,
  )
  .join('\n')}
}
`;
  const service = `UDP ${VIP}:53 rr`;
  const real = (n: number): string => `-> ${server(n)}:${PORT} Masq 1`;
  const answers = new Map<number, ChildProcess>();
  const answer = async (n: number): Promise<void> => {
    const words = [process.execPath, DNS_ANSWER, server(n), String(PORT)];
    answers.set(n, await lab.net.start(`server${n}`, ...words));
  };

  before(async () => {
    await lab.open(2);
    for (const n of [1, 2]) await answer(n);
  });
  after(() => lab.close());

  test('removes the one that does not answer, and takes it back', async () => {
    const at = (name: string): string => join(lab.folder, name);
    const file = lab.write('keepalived.conf', configuration);
    lab.start(
      ...['keepalived', '--dont-fork', '--no-syslog', '--check', '--use-file', file],
      ...['--pid', at('pid'), '--checkers_pid', at('checkers')],
    );
    await lab.becomes('not both are there', [service, real(1), real(2)]);
    answers.get(2)!.kill('SIGKILL');
    await lab.becomes('the second one is still there', [service, real(1)]);
    await answer(2);
    await lab.becomes('the second one is not back', [service, real(1), real(2)]);
    assert.equal(await lab.stop(), 0);
  });
});
