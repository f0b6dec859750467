/** Configurations as YAML: what has its default is left out, real servers have a line each. */
import { Document, type YAMLMap, type YAMLSeq } from 'yaml';
import type { ConfiguredService, DirectorConfig, ServedConfig } from '../../control/command.js';
import { destEntry, type Entry, healthEntry, serviceEntry, sysctlEntry, vipEntry } from './entries.js';
import { withoutDests } from './plan.js';

/** How documents are written: no line is folded. */
export const YAML_STYLE = { lineWidth: 0 } as const;

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
