/**
 * One link with a client, a server and two directors on it. The client's and the server's gateway is one of the directors at a time. All have
 * both families' addresses; the directors forward by NAT, so that both directions of every connection pass the one that is the gateway.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Namespaces } from './namespaces.js';

/** The virtual addresses, and the port of their service. */
export const VIPS = ['10.79.0.100', 'fd79::100'] as const;
export const PORT = 7777;
/** What a director is called, and the last part of its addresses. */
export type DirectorName = 'a' | 'b';
const NUMBER: Readonly<Record<DirectorName, number>> = { a: 10, b: 11 };
const SERVERS = ['10.77.0.2', 'fd77::2'] as const;

export const inBrackets = (address: string): string => (address.includes(':') ? `[${address}]` : address);
/** MAC address of a director's interface. */
export const mac = (name: DirectorName): string => `02:00:00:00:00:${NUMBER[name]}`;
/** Addresses of a director's interface: in the client's network and in the server's. */
export const addresses = (name: DirectorName): string[] =>
  [78, 77].flatMap((net) => [`10.${net}.0.${NUMBER[name]}/24`, `fd${net}::${NUMBER[name]}/64`]);

/** Services and servers as lines of `ipvsadm -R`. */
export const RULES = VIPS.flatMap((vip, i) => {
  const service = `-t ${inBrackets(vip)}:${PORT}`;
  return [`-A ${service} -s rr`, `-a ${service} -r ${inBrackets(SERVERS[i]!)}:${PORT} -m`];
});

/** The link and who is on it, but for the directors. */
export class SyncLab {
  readonly net = new Namespaces('sync');
  readonly #streams: Stream[] = [];

  /** Builds it. After a failure `close` is still to be called. */
  async open(): Promise<void> {
    const { net } = this;
    for (const name of ['w', 'c', 's']) net.add(name);
    net.ip('w', 'link add br0 type bridge mcast_snooping 0');
    net.ip('w', 'link set br0 up');
    for (const [name, number] of [
      ['c', 78],
      ['s', 77],
    ] as const) {
      this.plug(name);
      // a director on one link with both would show them the way past it
      for (const ip of ['ipv4', 'ipv6'])
        for (const device of ['all', 'eth0'])
          net.sysctl(name, `net/${ip}/conf/${device}/accept_redirects`, 0);
      net.address(name, 'eth0', `10.${number}.0.2/24`, `fd${number}::2/64`);
      net.ip(name, `route add default via 10.${number}.0.254 dev eth0`);
      net.ip(name, `-6 route add default via fd${number}::fe dev eth0`);
    }
    for (const family of ['4', '6']) {
      await net.start(
        's',
        'sh',
        '-c',
        `echo ready; exec socat TCP${family}-LISTEN:${PORT},fork,reuseaddr${family === '6' ? ',ipv6only=1' : ''} PIPE`,
      );
    }
  }

  /** Joins the interface `eth0` of a namespace to the link. */
  plug(name: string): void {
    this.net.connect(name, 'eth0', 'w', `to-${name}`);
    this.net.ip('w', `link set to-${name} master br0`);
  }

  /** Makes a namespace for a director. */
  addDirector(name: DirectorName): void {
    const { net } = this;
    net.add(name);
    this.plug(name);
    net.ip(name, `link set eth0 address ${mac(name)}`);
    net.sysctl(name, 'net/ipv4/ip_forward', 1);
    net.sysctl(name, 'net/ipv6/conf/all/forwarding', 1);
    for (const device of ['all', 'eth0']) net.sysctl(name, `net/ipv4/conf/${device}/send_redirects`, 0);
    net.address(name, 'eth0', ...addresses(name));
    net.address(name, 'lo', ...VIPS.map((vip) => `${vip}${vip.includes(':') ? '/128' : '/32'}`));
  }

  /** From now on everything goes by this director. */
  use(name: DirectorName): void {
    for (const [host, number] of [
      ['c', 78],
      ['s', 77],
    ] as const) {
      for (const gateway of [`10.${number}.0.254`, `fd${number}::fe`]) {
        this.net.ip(host, `neigh replace ${gateway} lladdr ${mac(name)} nud permanent dev eth0`);
      }
    }
  }

  /** Opens a stream from the client to a virtual address. */
  stream(vip: string): Stream {
    const stream = new Stream(this.net.name('c'), vip);
    this.#streams.push(stream);
    return stream;
  }

  close(): void {
    for (const stream of this.#streams) stream.kill();
    this.net.close();
  }
}

/** A TCP connection to the echo server. */
export class Stream {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterableIterator<string>;

  constructor(netns: string, vip: string) {
    const target = `TCP:${inBrackets(vip)}:${PORT},connect-timeout=5`;
    this.#child = spawn('ip', ['netns', 'exec', netns, 'socat', '-', target], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Says something and gives what comes back; undefined when the connection has ended, or nothing comes for five seconds. */
  async say(text: string): Promise<string | undefined> {
    this.#child.stdin!.write(`${text}\n`);
    const late = sleep(5000, undefined, { ref: false });
    const next = await Promise.race([this.#lines.next(), late]);
    return next === undefined || next.done === true ? undefined : next.value;
  }

  /** Ends it, politely. */
  close(): void {
    this.#child.stdin!.end();
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
