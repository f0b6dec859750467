/** The library: the engine, which needs nothing of Node, and what packets are made of. */

export { type App, type AppConn, type AppPacket, registerApp, unregisterApp } from './engine/app.js';
export type { Dest, DestUser } from './engine/dest.js';
export type { AddrType, Host, Route } from './engine/host.js';
export type { IpHdr } from './engine/iphdr.js';
export { Net, type NetOptions } from './engine/net.js';
export type { NetnsIpvs } from './engine/netns-ipvs.js';
export type { Scheduler, SchedulerContext } from './engine/scheduler.js';
export { guardScheduler } from './engine/schedulers/guard.js';
export { SchedulerRegistry } from './engine/schedulers/registry.js';
export type { Service, ServiceId, ServiceUser } from './engine/service.js';
export * from './engine/verdict.js';
export { ERRORS, type ErrorCode, IpvsError } from './errors.js';
export { AF_INET, AF_INET6, type InetAddr, inetToString, parseInet } from './wire/inet.js';
export { Packet } from './wire/packet.js';
