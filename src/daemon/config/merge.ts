/** Bringing a configuration's text up to what runs: only what differs is touched, comments and order stay. */
import { type Document, type Node, parseDocument, type YAMLMap } from 'yaml';
import { checkEntry } from '../../control/check-spec.js';
import type {
  Change,
  ConfiguredDest,
  DaemonSpec,
  DestSpec,
  DirectorConfig,
  ServiceKey,
} from '../../control/command.js';
import { vipId } from '../../control/config-fields.js';
import type { HealthPolicy } from '../../control/health-fields.js';
import { destId, serviceId } from '../../control/resource-id.js';
import { IpvsError } from '../../errors.js';
import type { Config } from './config.js';
import { destEntry, healthEntry, sysctlScalar, vipEntry } from './entries.js';
import { ListNode, ownMap, setField } from './list-node.js';
import { plan, type Running } from './plan.js';
import { healthNode, serviceNode, YAML_STYLE } from './yaml-text.js';

/** Fields that say which thing it is. */
const IDENTITY = {
  vip: ['address', 'interface'],
  sync: ['state'],
  service: ['protocol', 'address', 'port', 'fwmark', 'family'],
  dest: ['address', 'port'],
} as const;

/** What runs in a network namespace. */
export interface MergedPart {
  /** Its name; the default one when left out. */
  readonly name: string | undefined;
  readonly running: Running;
  /** What of it is not as it is by itself. */
  readonly unusual: DirectorConfig;
}

/**
 * The text, changed so that applying it would change nothing.
 * @param text of a configuration without problems. @param said what it says. @param parts what runs.
 * @throws BAD_CONFIG when it is no YAML after all, or a part that would have to be changed is an alias of another
 */
export function mergeText(text: string, said: Config, parts: readonly MergedPart[]): string {
  // it has been read before: of a text as long and as deep as any, keys twice included, this would take too long
  const document = parseDocument(text, { merge: true, uniqueKeys: false });
  // in pieces it was right
  const [error] = document.errors;
  if (error !== undefined) throw new IpvsError('BAD_CONFIG', error.message);
  if (document.contents === null) document.contents = document.createNode({}) as never;
  const root = document.contents as unknown as YAMLMap;
  for (const { name, running, unusual } of parts) {
    const part = name === undefined ? said : said.namespaces?.[name];
    const node = name === undefined ? root : namespaceNode(document, root, name);
    const merge = new Merge(document, node, part ?? {}, running);
    for (const change of plan(running, completed(part ?? {}, unusual))) merge.undo(change);
  }
  const served = new Set(parts.map(({ name }) => name));
  for (const name of Object.keys(said.namespaces ?? {})) {
    if (!served.has(name)) document.deleteIn(['namespaces', name]);
  }
  return document.toString(YAML_STYLE);
}

/** The map of a namespace; made when there is none. */
function namespaceNode(document: Document, root: YAMLMap, name: string): YAMLMap {
  if (!root.has('namespaces')) root.set('namespaces', document.createNode({}));
  const all = ownMap(root.get('namespaces', true), 'namespaces');
  if (!all.has(name)) all.set(document.createNode(name), document.createNode({}));
  return ownMap(all.get(name, true), `namespaces.${name}`);
}

/** What a configuration says, with what it says nothing of as what it is by itself: so that all that is otherwise is a change. */
function completed(said: DirectorConfig, { sysctl = {}, timeouts = {} }: DirectorConfig): DirectorConfig {
  const vips = said.vips ?? [];
  const sync = said.sync ?? [];
  const services = said.services ?? [];
  return {
    vips,
    sync,
    services,
    // no value of theirs: whatever runs is another
    sysctl: { ...named(sysctl, ''), ...said.sysctl },
    timeouts: { ...named(timeouts, -1), ...said.timeouts },
  };
}

function named<T>(names: object, value: T): Record<string, T> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, value]));
}

function syncId({ state }: DaemonSpec): string {
  return state;
}

/** A map of a document whose parts are made what runs. */
class Merge {
  readonly #document: Document;
  readonly #root: YAMLMap;
  readonly #running: Running;
  readonly #vips: ListNode;
  readonly #sync: ListNode;
  readonly #services: ListNode;
  /** Real servers by their service's id. */
  readonly #dests = new Map<string, ListNode>();

  constructor(document: Document, root: YAMLMap, said: DirectorConfig, running: Running) {
    this.#document = document;
    this.#root = root;
    this.#running = running;
    const list = (name: string, ids: readonly string[] = []) => new ListNode(document, () => root, name, ids);
    this.#vips = list('vips', said.vips?.map(vipId));
    this.#sync = list('sync', said.sync?.map(syncId));
    this.#services = list('services', said.services?.map(serviceId));
    for (const { dests, ...service } of said.services ?? []) {
      const id = serviceId(service);
      const node = () => this.#services.find(id);
      this.#dests.set(id, new ListNode(document, node, 'dests', dests.map(destId)));
    }
  }

  /** @param change from what runs to what the document says. */
  undo(change: Change): void {
    const document = this.#document;
    switch (change.kind) {
      case 'sysctl':
        this.#set('sysctl', change.before.name, sysctlScalar(String(change.before.value)));
        break;
      case 'timeout':
        this.#set('timeouts', change.before.name, change.before.value);
        break;
      case 'vip':
        this.#undoEntry(this.#vips, change, vipId, (vip) => document.createNode(vipEntry(vip)));
        break;
      case 'sync':
        this.#undoEntry(this.#sync, change, syncId, (daemon) => document.createNode(daemon));
        break;
      case 'service':
        // it goes with its servers
        if (change.before === undefined) this.#dests.delete(serviceId(change.after!));
        this.#undoEntry(this.#services, change, serviceId, (spec) =>
          serviceNode(document, this.#running.services.get(serviceId(spec))!),
        );
        break;
      case 'health':
        this.#undoHealth(change);
        break;
      case 'dest': {
        const dests = this.#dests.get(serviceId(change.service));
        if (dests === undefined) break;
        this.#undoEntry(dests, change, destId, (dest) =>
          document.createNode(destEntry(this.#withChecks(change.service, dest)), { flow: true }),
        );
      }
    }
  }

  #undoHealth({ service, before, after }: Extract<Change, { kind: 'health' }>): void {
    const id = serviceId(service);
    const dests = this.#dests.get(id);
    // a service that has gone has taken it along
    if (dests === undefined) return;
    const { servers: runs = [], ...policy } = before ?? {};
    const node = this.#services.find(id);
    if (before === undefined) node.delete('health');
    else node.set('health', healthNode(this.#document, healthEntry(policy as HealthPolicy)));
    const own = new Map(runs.map((server) => [destId(server), server.checks]));
    for (const server of after?.servers ?? []) {
      if (!own.has(destId(server))) dests.find(destId(server)).delete('checks');
    }
    for (const [server, checks] of own) {
      // one that is new comes with its checks
      if (!dests.has(server)) continue;
      setField(this.#document, dests.find(server), 'checks', checks.map(checkEntry));
    }
  }

  #set(section: string, name: string, value: string | number): void {
    const root = this.#root;
    if (!root.has(section)) root.set(section, this.#document.createNode({}));
    setField(this.#document, ownMap(root.get(section, true), section), name, value);
  }

  /** A server that runs, with the checks of its own. */
  #withChecks(service: ServiceKey, dest: DestSpec): ConfiguredDest {
    const runs = this.#running.services.get(serviceId(service))?.dests;
    return runs?.find((entry) => destId(entry) === destId(dest)) ?? dest;
  }

  #undoEntry<T extends object>(
    list: ListNode,
    { kind, before, after }: { kind: keyof typeof IDENTITY; before?: T; after?: T },
    idOf: (thing: T) => string,
    create: (thing: T) => Node,
  ): void {
    if (before === undefined) list.remove(idOf(after!));
    else if (after === undefined) list.add(idOf(before), create(before));
    else this.#update(list.find(idOf(before)), IDENTITY[kind], after, before);
  }

  /** Gives the fields that differ what runs. */
  #update(map: YAMLMap, identity: readonly string[], said: object, runs: object): void {
    const old = new Map<string, unknown>(Object.entries(said));
    for (const [field, value] of Object.entries(runs)) {
      const same = JSON.stringify(old.get(field)) === JSON.stringify(value);
      // what the timeout is when nothing is said depends on persistence
      const implied = field === 'timeout' && isPersistent(said) !== isPersistent(runs);
      if (identity.includes(field) || (same && !implied)) continue;
      const prefix = field === 'netmask' && /^\d+$/.test(String(value));
      setField(this.#document, map, field, prefix ? Number(value) : value);
    }
    for (const field of old.keys()) if (!Object.hasOwn(runs, field)) map.delete(field);
  }
}

function isPersistent(service: { flags?: readonly string[] }): boolean {
  return service.flags?.includes('persistent') === true;
}
