/** The hosts of the demonstration with other programs on them: nginx, iperf3 and a UDP echo, and the daemon as its users start it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, eventually, IPVSADM, IPVSD } from '../../demo/lab.js';
import { endpoint, FAMILIES, METHODS, SERVERS } from '../../demo/layout.js';
import { Namespaces, run } from './namespaces.js';
import { script } from './script.js';

export const PORTS = { http: 80, echo: 7, iperf: 5201 } as const;

/** The laboratory: up until `close`. */
export class Lab {
  readonly net: Namespaces;
  /** A folder for files, the same for all hosts. */
  readonly folder = mkdtempSync(join(tmpdir(), 'ipvsd-load-'));
  readonly #socket = join(this.folder, 'ipvsd.sock');
  #daemon: ChildProcess | undefined;

  /** @param prefix of the namespaces' names. */
  constructor(prefix: string) {
    this.net = new Namespaces(prefix);
  }

  /** Builds the hosts and starts what runs on the real servers. After a failure `close` is still to be called. */
  async open(): Promise<void> {
    build(this.net);
    for (const n of SERVERS) {
      const host = `server${n}`;
      const config = join(this.folder, `${host}.conf`);
      writeFileSync(config, nginx(host, this.folder));
      this.net.background(host, 'nginx', '-e', 'stderr', '-p', this.folder, '-c', config);
      this.net.background(host, 'iperf3', '-s', '-p', String(PORTS.iperf));
      await this.startScript(host, 'echo', host, String(PORTS.echo));
      await this.net.spawn(process.execPath, script('decap-child'), this.net.name(host));
    }
  }

  /** Starts the daemon in the director's namespace and loads the rules. */
  async startDaemon(): Promise<void> {
    // what a killed one has left is a warning, and expected here
    const options = ['--socket', this.#socket, '--log-level', 'error'];
    const daemon = this.net.background('director', process.execPath, IPVSD, 'run', ...options);
    this.#daemon = daemon;
    await eventually('ipvsd does not come up', 15, () => {
      if (daemon.exitCode !== null) throw new Error(`it ended with code ${daemon.exitCode}`);
      return this.ipvsadm('-Ln');
    });
    this.ipvsadm('-R', rules());
  }

  /** Ends the daemon, as a service manager does (SIGTERM) or as a fault does (SIGKILL). @returns its exit code. */
  async endDaemon(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const daemon = this.#daemon;
    if (daemon === undefined) return null;
    this.#daemon = undefined;
    if (daemon.exitCode === null && daemon.signalCode === null) {
      daemon.kill(signal);
      await once(daemon, 'exit');
    }
    return daemon.exitCode;
  }

  /** Runs our ipvsadm, which talks to the daemon by its socket. */
  ipvsadm(args: string, input?: string): string {
    return run(`${process.execPath} ${IPVSADM} ${args}`, { IPVSD_SOCKET: this.#socket }, input);
  }

  /** Starts one of the scripts beside this file on a host; the promise gives what it prints in the end. */
  script(host: string, name: string, ...args: string[]): { child: ChildProcess; printed: Promise<string> } {
    return this.net.collect(host, process.execPath, script(name), ...args);
  }

  /** As {@link script}, when it has said that it is ready. */
  startScript(host: string, name: string, ...args: string[]): Promise<ChildProcess> {
    return this.net.start(host, process.execPath, script(name), ...args);
  }

  /** Makes a file of `size` bytes that the real servers serve: holes, and in each MiB a mark that no other has. */
  makeFile(name: string, size: number): string {
    const path = join(this.folder, name);
    const fd = openSync(path, 'w');
    for (let at = 0; at < size; at += 1 << 20) writeSync(fd, `byte ${at} of ${name}`.repeat(50), at);
    ftruncateSync(fd, size);
    closeSync(fd);
    return path;
  }

  /** Removes everything. */
  async close(): Promise<void> {
    try {
      await this.endDaemon('SIGTERM');
    } finally {
      this.net.close();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}

/** HTTP, UDP echo and iperf3 by each method over each family. iperf3's connections must stay with one server. */
function rules(): string {
  const lines: string[] = [];
  for (const { vip, server } of FAMILIES) {
    for (const { vip: number, option } of METHODS) {
      for (const [flag, port, more] of [
        ['-t', PORTS.http, ''],
        ['-u', PORTS.echo, ''],
        ['-t', PORTS.iperf, '-p 60'],
      ] as const) {
        const service = `${flag} ${endpoint(vip(number), port)}`;
        lines.push(`-A ${service} -s rr ${more}`);
        for (const n of SERVERS) lines.push(`-a ${service} -r ${endpoint(server(n), port)} ${option}`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

/** One process, so that it ends when it is killed. It answers with its name, and serves the files of `folder` below /files/. */
function nginx(name: string, folder: string): string {
  return `daemon off;
master_process off;
pid ${join(folder, `${name}.pid`)};
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  client_body_temp_path ${folder};
  proxy_temp_path ${folder};
  fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder};
  scgi_temp_path ${folder};
  server {
    listen [::]:${PORTS.http} ipv6only=off backlog=4096;
    location / { return 200 "${name}\\n"; }
    location /files/ { alias ${folder}/; }
  }
}
`;
}
