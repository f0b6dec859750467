/** The library: the engine, the machine around it, and what packets are made of. docs/library.md has examples. */

export { type ClientDirector, type ClientOptions, connectDirector } from './control/client.js';
export type { Args, CommandName, Director, Result } from './control/command.js';
export { EngineDirector } from './control/engine-director.js';
export { type PacketFields, type PacketSpec, packetBytes } from './control/packet-spec.js';
export { describePacket } from './datapath/scenario/describe.js';
export { parseScenario } from './datapath/scenario/format.js';
export { play } from './datapath/scenario/player.js';
export { type Frame, SimHost } from './datapath/scenario/sim-host.js';
export { standardTopology, type Topology } from './datapath/scenario/topology.js';
export { type App, type AppConn, type AppPacket, registerApp, unregisterApp } from './engine/app.js';
export type { Dest, DestUser } from './engine/dest.js';
export type { AddrType, Host, Route } from './engine/host.js';
export type { IpHdr } from './engine/iphdr.js';
export { Net, type NetOptions } from './engine/net.js';
export type { NetnsIpvs } from './engine/netns-ipvs.js';
export { randomNumbers } from './engine/random-numbers.js';
export type { Scheduler, SchedulerContext } from './engine/scheduler.js';
export { guardScheduler } from './engine/schedulers/guard.js';
export { SchedulerRegistry } from './engine/schedulers/registry.js';
export type { Service, ServiceId, ServiceUser } from './engine/service.js';
export * from './engine/verdict.js';
export { ERRORS, type ErrorCode, IpvsError } from './errors.js';
export { AF_INET, AF_INET6, type InetAddr, inetToString, parseInet } from './wire/inet.js';
export { Packet } from './wire/packet.js';
export { type Captured, CaptureError, pcapNg, readCapture } from './wire/pcap.js';
