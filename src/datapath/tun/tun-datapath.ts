/** The TUN data path of one network namespace, from the first device to the last rule. Runs in a thread of its own. */
import type { VipSpec } from '../../control/command.js';
import type { VipMachine } from '../../control/vip-director.js';
import type { Dest } from '../../engine/dest.js';
import type { Carried } from '../../engine/fast-path.js';
import type { Net } from '../../engine/net.js';
import type { ServiceId } from '../../engine/service.js';
import { IpvsError } from '../../errors.js';
import { EventFd } from '../../linux/eventfd.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { enterNetns, netnsIdentity } from '../../linux/netns.js';
import { PacketSocket } from '../../linux/packet-socket.js';
import { listRules, type Rule } from '../../linux/rt-rule.js';
import { openRtnetlink, RTPROT_IPVSD } from '../../linux/rtnetlink.js';
import type { Family } from '../../wire/inet.js';
import { FastDatapath } from '../fast/fast-datapath.js';
import { type FlowCacheCounters, noCounters } from '../fast/flow-cache.js';
import type { FastPathName, PeerName, XdpName } from '../fast/names.js';
import { Pins } from '../fast/pins.js';
import { refusalOf } from '../fast/refusal.js';
import { deviceIsHeld, presentFamilies, removeDevice } from '../tun-setup.js';
import { Arrivals } from './arrivals.js';
import { debugLog } from './debug-log.js';
import { journalPath, STATE_DIRECTORY } from './journal.js';
import { Machine } from './machine.js';
import { SteeringControl } from './steering-control.js';
import { SteeringDevices } from './steering-devices.js';
import { SteeringProgram } from './steering-program.js';
import { type HostCounters, TunHost } from './tun-host.js';
import { type LoopCounters, TunLoop } from './tun-loop.js';

/** How to set a TUN data path up. */
export interface TunDatapathOptions {
  /** Network namespace by its name; this thread's own when left out. */
  readonly netns?: string;
  /** Name of the TUN device, at most 15 bytes. @default `ipvsd0` */
  readonly device?: string;
  /** Priority of the first of sixteen routing rules. @default 10 */
  readonly rulePriority?: number;
  /** First of three routing tables; firewall marks use those that follow. @default 11800 */
  readonly table?: number;
  /** What carries established connections: `auto`: the kernel, by tc, where it can; `tc`: the same, and it is an error where it cannot; `none`. @default auto */
  readonly fastPath?: FastPathName;
  /** Where XDP carries packets in front of tc. @default auto */
  readonly xdp?: XdpName;
  /** Where tc hands packets over to the other end of a veth. @default auto */
  readonly redirectPeer?: PeerName;
  /** Interfaces at which the fast path takes packets; all Ethernet interfaces when left out. */
  readonly interfaces?: readonly string[];
  /** How long to look for more first packets before going to sleep, while they follow each other so quickly, µs; 0: never. @default 0 */
  readonly busyPoll?: number;
  /** Where to record how the machine was. @default /run/ipvsd */
  readonly stateDirectory?: string;
  /**
   * What carries packets outlives this process: devices, routing rules, the fast path's maps and programs. The next data path with the same device goes on
   * with them.
   */
  readonly pin?: boolean;
  /** Number of an eventfd whose signal makes `run` return. */
  readonly wake: number;
}

/** What is reported. The message is constant, the fields vary. */
export type Report = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, string | number>>,
) => void;

/** Counters of the data path. */
export type TunCounters = LoopCounters & HostCounters & FlowCacheCounters & { readonly refused: number };

const DEVICE = 'ipvsd0';
/** Packets that the engine looks at before it decides about the first. */
const ARRIVALS_AT_ONCE = 32;
const TABLE = 11_800;
const PRIORITY = 10;

/** Made in two steps, because the engine stands on the host and the loop on the engine: first this, then {@link attach}. */
export class TunDatapath implements VipMachine {
  readonly host: TunHost;
  readonly #families: readonly Family[];
  readonly #socket: NetlinkSocket;
  readonly #packets: PacketSocket;
  readonly #devices: SteeringDevices;
  readonly #machine: Machine;
  readonly #steering: SteeringControl;
  readonly #wake: EventFd;
  readonly #report: Report;
  readonly #options: TunDatapathOptions;
  readonly #undo: ((stay: boolean) => void)[] = [];
  readonly #pins: Pins;
  #fast: FastDatapath | undefined;
  #program: SteeringProgram | undefined;
  /** Of routes, addresses and interfaces, when they were last looked at for steering. */
  #generation = -1;
  #loop: TunLoop | undefined;
  #onTurn: () => void = () => {};
  /** Devices that the loop reads. */
  #inputs = 0;
  /** The last attempt to steer failed. */
  #behind = false;

  /**
   * Takes possession of the namespace: repairs what a killed daemon has left, opens the device, prepares the machine.
   * Whatever was done is undone when it throws.
   */
  constructor(options: TunDatapathOptions, report: Report) {
    if (options.netns !== undefined) enterNetns(options.netns);
    const pin = options.pin === true;
    this.#report = report;
    this.#options = options;
    const table = options.table ?? TABLE;
    this.#wake = new EventFd(options.wake);
    this.#families = presentFamilies();
    try {
      this.#socket = this.#keep(openRtnetlink());
      const identity = netnsIdentity();
      const journal = journalPath(identity.inode, options.stateDirectory);
      const device = options.device ?? DEVICE;
      this.#machine = new Machine(this.#socket, this.#families, device, journal, pin);
      this.#pins = new Pins(identity, options.stateDirectory ?? STATE_DIRECTORY);
      const other = this.#machine.otherDevice();
      if (other !== undefined && !removeDevice(other))
        throw new IpvsError('ALREADY_SERVED', deviceIsHeld(other));
      // before anything is changed, because only one can have it: what is found from here on is nobody's
      this.#devices = new SteeringDevices(this.#socket, this.#families, device, table, pin);
      this.#undo.push((stay) => this.#devices.close(stay));
      const left = ownRules(this.#socket, this.#families);
      const adopted = pin && left.length > 0 && this.#machine.adopt();
      if (!adopted) {
        this.#pins.remove();
        if (this.#machine.restore()) report('warn', 'repaired what a killed daemon had left', { journal });
      }
      this.#undo.push((stay) => !stay && this.#machine.restore());
      if (adopted) this.#devices.adopt(marksIn(left));
      else this.#machine.prepare();
      const layout = {
        device,
        table,
        priority: options.rulePriority ?? PRIORITY,
        families: this.#families,
        markTable: (mark: number) => this.#devices.markTable(mark),
      };
      this.#steering = new SteeringControl(this.#socket, layout, this.#devices.ifindex);
      // what stands there steers until the services are known
      if (adopted) this.#steering.adopt(left);
      else this.#steering.sync();
      this.#machine.moveLocalRules();
      this.#packets = this.#keep(new PacketSocket());
      this.host = new TunHost(this.#families, this.#devices.main, this.#packets, debugLog(report));
      this.#undo.push(() => this.host.kernel.close());
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Gives the packets to an engine on this host. @param carried see `FastDatapathOptions`. */
  attach(net: Net, carried: ReadonlyMap<Dest, Carried> = new Map()): void {
    this.#steering.attach(net.ipvs);
    const { busyPoll = 0 } = this.#options;
    this.#loop = new TunLoop(net, this.host, this.#wake, () => this.#tick(), busyPoll);
    this.#loop.onTurn = () => this.#onTurn();
    this.#openFastPath(net, carried);
    this.sync();
    this.#devices.sweep();
  }

  /** A service or its dests have changed, or any of them: `sync` has something to do. */
  changed(id?: ServiceId): void {
    this.#steering.changed(id);
  }

  /** Steers what the engine's services and dests now ask for. */
  sync(): void {
    try {
      this.#steering.sync();
      if (this.#behind) this.#report('info', 'steering is complete again');
      this.#behind = false;
    } catch (error) {
      // tried again every second
      if (!this.#behind) this.#report('error', 'steering is incomplete', { error: String(error) });
      this.#behind = true;
    }
    const { inputs, ifindex } = this.#devices;
    // marks may have brought devices
    if (inputs.length !== this.#inputs) this.#loop!.setInputs(inputs, ifindex);
    this.#inputs = inputs.length;
  }

  /** Commands were carried out: what they forbid is not carried any more when this returns. */
  refresh(): void {
    this.#fast?.refresh();
    if (this.#steering.behind) this.sync();
  }

  /** Puts a virtual address on an interface. @throws NO_DEVICE, SYSTEM */
  addVip(vip: Required<VipSpec>): void {
    this.#machine.addAddress(vip);
  }

  /** Takes it away again, if it was not there before. @throws SYSTEM */
  deleteVip(vip: Required<VipSpec>): void {
    this.#machine.deleteAddress(vip);
  }

  /** Calls `turn` whenever packets and timers have had their turn: at least every tenth of a second. */
  set onTurn(turn: () => void) {
    this.#onTurn = turn;
  }

  /** Carries packets until `wake` is signalled. */
  run(): void {
    this.#loop!.run();
  }

  get counters(): TunCounters {
    const carried = this.#fast?.counters ?? noCounters();
    return { ...this.#loop!.counters, ...this.host.counters, ...carried, refused: this.host.output.refused };
  }

  /** Of the addresses that an earlier data path has put on interfaces, only these stay. */
  keepVips(vips: readonly Required<VipSpec>[]): void {
    this.#machine.keepAddresses(vips);
  }

  /** Puts everything back as it was. @param stay but for what is to outlive this process, where anything is. */
  close(stay = false): void {
    const kept = stay && this.#options.pin === true;
    for (const step of this.#undo.reverse()) step(kept);
    this.#undo.length = 0;
  }

  #openFastPath({ ipvs }: Net, carried: ReadonlyMap<Dest, Carried>): void {
    const { fastPath = 'auto', xdp = 'auto', redirectPeer, interfaces } = this.#options;
    if (fastPath === 'none') return;
    try {
      const pins = this.#options.pin === true ? this.#pins : undefined;
      const options = { xdp, redirectPeer, interfaces, report: this.#report, carried, ...(pins && { pins }) };
      const fast = new FastDatapath(ipvs, this.host, this.#socket, options);
      this.#fast = fast;
      this.#undo.push((stay) => fast.close(stay));
      // who wants connection tracking wants the kernel's firewall to see packets
      this.host.pastRouting = () => ipvs.sysctls.values.conntrack === 0;
      this.#loop!.onDecided = () => fast.flush();
      this.#loop!.onTurn = () => {
        fast.turn();
        this.#followLinks();
        this.#onTurn();
      };
      this.#report('info', 'established connections are carried by tc');
      // rules go on without this process, and the program would not
      if (pins === undefined) {
        const arrivals = this.#keep(new Arrivals(ARRIVALS_AT_ONCE));
        const { ifindex } = this.#devices;
        this.#program = this.#keep(new SteeringProgram(this.#socket, ifindex, arrivals, interfaces));
        this.#loop!.arrivals = arrivals;
        this.#undo.push(() => {
          this.#loop!.arrivals = undefined;
        });
        this.#steering.use(this.#program);
      }
    } catch (error) {
      const reason = refusalOf(error);
      if (!(reason instanceof IpvsError)) throw reason;
      if (fastPath === 'tc') throw reason;
      this.#report('warn', 'all packets take the TUN device', { reason: reason.message });
    }
  }

  /** The steering program is to run at interfaces that have come. */
  #followLinks(): void {
    const { routeGeneration } = this.host;
    if (this.#program === undefined || this.#generation === routeGeneration) return;
    this.#generation = routeGeneration;
    this.#program.refresh();
    this.sync();
  }

  #keep<T extends { close(): void }>(resource: T): T {
    this.#undo.push(() => resource.close());
    return resource;
  }

  /** Connections of removed dests end with time, and what could not be done is tried again. */
  #tick(): void {
    this.#steering.tick();
    if (this.#steering.behind) this.sync();
  }
}

/** The rules that steer, as they stand now. */
function ownRules(socket: NetlinkSocket, families: readonly Family[]): Rule[] {
  return families.flatMap((family) =>
    listRules(socket, family).filter(({ protocol }) => protocol === RTPROT_IPVSD),
  );
}

/** Firewall marks for which rules steer, with their tables. */
function marksIn(rules: readonly Rule[]): (readonly [mark: number, table: number])[] {
  return rules.flatMap(({ fwmark, action }) =>
    fwmark !== undefined && typeof action === 'object' && 'table' in action
      ? [[fwmark, action.table] as const]
      : [],
  );
}
