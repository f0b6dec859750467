/** The director without packets: control, counters and timers only. It needs no privilege and changes nothing on the machine. */
import { EngineDirector } from '../control/engine-director.js';
import { NO_MACHINE, VipDirector } from '../control/vip-director.js';
import type { AddrType, Host } from '../engine/host.js';
import type { SchedulerRegistry } from '../engine/schedulers/registry.js';
import { AF_INET, anyAddr, type InetAddr, inetIsAny } from '../wire/inet.js';
import type { Datapath } from './datapath.js';
import { createNet, type EngineSettings } from './engine.js';
import { defaultsOf } from './state/restore-rules.js';
import { type Seen, Watcher } from './watcher.js';

/** Milliseconds between two looks at the timers. */
const TICK = 100;

/** Starts the engine in this process, on a host that has no routes. @param schedulers @default the kernel's */
export function startWithoutPackets(config: EngineSettings, schedulers?: SchedulerRegistry): Datapath {
  const net = createNet(nowhere, config, schedulers);
  const director = new VipDirector(new EngineDirector(net), NO_MACHINE);
  const start = performance.now();
  let onSeen: (events: readonly Seen[]) => void = () => {};
  const watcher = new Watcher(net, (events) => {
    onSeen(events);
    return true;
  });
  net.ipvs.onDrained = (drained) => watcher.drained(drained);
  const timer = setInterval(() => {
    net.advance(performance.now() - start);
    watcher.flush();
  }, TICK);
  return {
    defaults: defaultsOf(net.ipvs),
    execute: (name, args) => director.execute(name, args),
    watch: (watch, seen) => {
      onSeen = seen;
      watcher.watch(watch);
    },
    stop: async () => clearInterval(timer),
    failed: new Promise(() => {}),
  };
}

/** A host without interfaces: all that can be said of an address is what its number says. */
const nowhere: Host = {
  routeGeneration: 0,
  route: () => undefined,
  addrType,
  isLocal: () => false,
  transmit: () => {},
  icmpSend: () => {},
  updatePmtu: () => {},
  unprivilegedPortStart: 1024,
  availablePages: () => Number.MAX_SAFE_INTEGER,
  interfaceMtu: () => undefined,
  openSyncSender: () => ({ send: () => true, close: () => {} }),
  openSyncReceiver: () => ({ close: () => {} }),
};

function addrType(addr: InetAddr): AddrType {
  if (inetIsAny(addr)) return 'unspecified';
  const top = addr.words[0]! >>> 0;
  if (addr.family === AF_INET) {
    if (top === 0xffff_ffff) return 'broadcast';
    if (top >>> 24 === 127) return 'local';
    return top >>> 28 === 0xe ? 'multicast' : 'unicast';
  }
  if (top >>> 24 === 0xff) return 'multicast';
  if (top >>> 22 === 0xfe80 >>> 6) return 'linklocal';
  const loopback = anyAddr(addr.family).words;
  loopback[3] = 1;
  return addr.words.every((word, i) => word === loopback[i]) ? 'local' : 'unicast';
}
