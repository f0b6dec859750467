/** `-L --timeout` and `-L --daemon`. */
import type { DaemonSpec } from '../../control/command.js';
import { type Context, query } from './context.js';

/** Shows the three timeouts that `--set` sets. */
export async function listTimeouts(context: Context): Promise<void> {
  const { tcp, tcpFin, udp } = await query(context, 'timeout.get', {});
  context.io.stdout(`Timeout (tcp tcpfin udp): ${tcp} ${tcpFin} ${udp}\n`);
}

/** Shows the synchronisation daemons that run: nothing when there are none. */
export async function listDaemons(context: Context): Promise<void> {
  for (const daemon of await query(context, 'daemon.list', {})) context.io.stdout(daemonLine(daemon));
}

function daemonLine({ state, interface: device, syncid, maxlen, group, port, ttl }: DaemonSpec): string {
  let text = `mcast=${device}, syncid=${syncid}`;
  for (const [name, value] of Object.entries({ maxlen, group, port, ttl })) {
    if (value !== undefined) text += `, ${name}=${value}`;
  }
  return `${state} sync daemon (${text})\n`;
}
