/** What runs on the server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IPVSD } from '../../demo/lab.js';
import { type Namespaces, run } from '../../test/e2e/namespaces.js';
import { PORTS } from './plan.js';

/** A program of this folder. */
export const program = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** Datagrams are counted where they arrive, and cost the server nothing else. */
const SINK = `table ip sink {
  counter arrived { }
  chain arriving {
    type filter hook prerouting priority raw;
    udp dport ${PORTS.discard} counter name arrived drop
  }
}
`;

/** Starts HTTP, iperf3, the echo, the counter, and what takes packets out of tunnels. */
export function startServer(ns: Namespaces, files: string): void {
  const config = join(files, 'nginx.conf');
  writeFileSync(config, nginx(files));
  ns.background('server', 'nginx', '-e', 'stderr', '-p', files, '-c', config);
  ns.background('server', 'iperf3', '-s', '-p', String(PORTS.iperf));
  ns.background('server', process.execPath, program('echo'), String(PORTS.echo));
  ns.background('server', process.execPath, IPVSD, 'decap');
  run(`ip netns exec ${ns.name('server')} nft -f -`, {}, SINK);
}

/** Datagrams that have arrived so far. */
export function arrived(ns: Namespaces): number {
  const text = ns.exec('server', 'nft list counter ip sink arrived');
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

/** One process, so that it ends when it is killed. */
function nginx(files: string): string {
  return `daemon off;
master_process off;
pid ${join(files, 'nginx.pid')};
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${files};
  proxy_temp_path ${files};
  fastcgi_temp_path ${files};
  uwsgi_temp_path ${files};
  scgi_temp_path ${files};
  server {
    listen ${PORTS.http} backlog=4096;
    location / { return 200 "ok\\n"; }
  }
}
`;
}
