/** Configurations as YAML: what has its default is left out, real servers have a line each. */
import { Document, type YAMLMap, type YAMLSeq } from 'yaml';
import { checkEntry } from '../../control/check-spec.js';
import type {
  ConfiguredDest,
  ConfiguredService,
  DirectorConfig,
  ServedConfig,
  ServiceKey,
  ServiceSpec,
  VipSpec,
} from '../../control/command.js';
import { familyOf, keyOf } from '../../control/fields.js';
import { DEFAULT_POLICY, type HealthPolicy } from '../../control/health-fields.js';
import { destOptionsOf, serviceOptionsOf } from '../../control/option-fields.js';
import { withoutDests } from './plan.js';

/** How documents are written: no line is folded. */
export const YAML_STYLE = { lineWidth: 0 } as const;

/** A thing of a configuration by its fields, in the order in which they are written. */
export type Entry = Readonly<Record<string, unknown>>;

/** The text of a configuration. Lists that are empty are written too: that they are managed makes a difference. */
export function configText({ namespaces, ...config }: ServedConfig): string {
  const document = new Document({});
  document.contents = directorNode(document, config) as never;
  for (const [name, part] of Object.entries(namespaces ?? {})) {
    if (!document.has('namespaces')) document.set('namespaces', document.createNode({}));
    const all = document.get('namespaces') as YAMLMap;
    all.set(document.createNode(name), directorNode(document, part));
  }
  return document.toString(YAML_STYLE);
}

function directorNode(document: Document, config: DirectorConfig): YAMLMap {
  const { sysctl = {}, timeouts = {}, vips, sync, services } = config;
  const node = document.createNode({
    ...(Object.keys(sysctl).length > 0 && { sysctl: sysctlEntry(sysctl) }),
    ...(Object.keys(timeouts).length > 0 && { timeouts }),
    ...(vips !== undefined && { vips: vips.map(vipEntry) }),
    ...(sync !== undefined && { sync }),
  }) as unknown as YAMLMap;
  if (services !== undefined) node.set('services', servicesNode(document, services));
  return node;
}

/** Services as a node of `document`. */
export function servicesNode(document: Document, services: readonly ConfiguredService[]): YAMLSeq {
  const node = document.createNode([]) as YAMLSeq;
  for (const service of services) node.add(serviceNode(document, service));
  return node;
}

/** A service as a node of `document`. */
export function serviceNode(document: Document, service: ConfiguredService): YAMLMap {
  const node = document.createNode(serviceEntry(withoutDests(service))) as YAMLMap;
  if (service.flags.length > 0) node.set('flags', document.createNode(service.flags, { flow: true }));
  const { health } = service;
  if (health !== undefined) node.set('health', healthNode(document, healthEntry(health)));
  if (service.dests.length > 0) {
    const dests = document.createNode([]) as YAMLSeq;
    for (const dest of service.dests) dests.add(document.createNode(destEntry(dest), { flow: true }));
    node.set('dests', dests);
  }
  return node;
}

/** A line for each check. */
export function healthNode(document: Document, { checks, ...policy }: Entry): YAMLMap {
  const node = document.createNode({}) as YAMLMap;
  if (Array.isArray(checks)) {
    const list = document.createNode([]) as YAMLSeq;
    for (const check of checks) list.add(document.createNode(check, { flow: true }));
    node.set('checks', list);
  }
  for (const [name, value] of Object.entries(policy)) {
    node.set(document.createNode(name), document.createNode(value, { flow: true }));
  }
  return node;
}

/** Sysctls: numbers as numbers. */
export function sysctlEntry(sysctl: Readonly<Record<string, string>>): Entry {
  return Object.fromEntries(Object.entries(sysctl).map(([name, value]) => [name, sysctlScalar(value)]));
}

/** A sysctl's value. */
export function sysctlScalar(value: string): string | number {
  return /^(0|-?[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}

/** A virtual address. */
export function vipEntry({ address, interface: name, prefixLength }: VipSpec): Entry {
  const whole = address.includes(':') ? 128 : 32;
  return { address, interface: name, ...(prefixLength !== whole && { prefixLength }) };
}

/** A service without its real servers. */
export function serviceEntry(service: ServiceSpec): Entry {
  const { scheduler, flags, timeout, netmask, pe } = service;
  const six = familyOf(service) === 'inet6';
  return {
    ...identityEntry(service),
    scheduler,
    ...(flags.length > 0 && { flags }),
    ...(timeout !== (flags.includes('persistent') ? 360 : 0) && { timeout }),
    ...(netmask !== (six ? '128' : '255.255.255.255') && { netmask: six ? Number(netmask) : netmask }),
    ...(pe !== undefined && { pe }),
    ...serviceOptionsOf(service),
  };
}

/** IPv4 is the family of a mark of which nothing is said. */
function identityEntry(service: ServiceKey): Entry {
  if (!('fwmark' in service)) return { ...keyOf(service) };
  const { fwmark, family } = service;
  return family === 'inet' ? { fwmark } : { fwmark, family };
}

/** What a service does about the health of its servers. */
export function healthEntry(health: HealthPolicy): Entry {
  const { checks, sorryServer } = health;
  const usual = new Map<string, unknown>(Object.entries(DEFAULT_POLICY));
  const settings = (['quorum', 'hysteresis', 'onFailure', 'slowStart'] as const).filter(
    (name) => health[name] !== usual.get(name),
  );
  return {
    ...(checks.length > 0 && { checks: checks.map(checkEntry) }),
    ...Object.fromEntries(settings.map((name) => [name, health[name]])),
    ...(sorryServer !== undefined && { sorryServer: destEntry(sorryServer) }),
  };
}

/** A real server. */
export function destEntry(dest: ConfiguredDest): Entry {
  const { address, port, forward, weight, uThreshold, lThreshold, tunType, tunPort, tunCsum, checks } = dest;
  return {
    address,
    port,
    forward,
    ...(weight !== 1 && { weight }),
    ...(uThreshold !== 0 && { uThreshold }),
    ...(lThreshold !== 0 && { lThreshold }),
    ...((tunType ?? 'ipip') !== 'ipip' && { tunType }),
    ...((tunPort ?? 0) !== 0 && { tunPort }),
    ...((tunCsum ?? 'nocsum') !== 'nocsum' && { tunCsum }),
    ...(checks !== undefined && { checks: checks.map(checkEntry) }),
    ...destOptionsOf(dest),
  };
}
