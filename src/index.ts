/** The library: the engine, which needs nothing of Node, and what packets are made of. */

export type { DestUser } from './engine/dest.js';
export type { AddrType, Host, Route } from './engine/host.js';
export { Net, type NetOptions } from './engine/net.js';
export type { NetnsIpvs } from './engine/netns-ipvs.js';
export type { Scheduler, SchedulerContext } from './engine/scheduler.js';
export { SchedulerRegistry } from './engine/schedulers/registry.js';
export type { ServiceId, ServiceUser } from './engine/service.js';
export * from './engine/verdict.js';
export { ERRORS, type ErrorCode, IpvsError } from './errors.js';
export { AF_INET, AF_INET6, type InetAddr, inetToString, parseInet } from './wire/inet.js';
export { Packet } from './wire/packet.js';
