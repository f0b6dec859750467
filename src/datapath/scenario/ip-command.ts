/** The forms of `ip link`, `ip addr`, `ip route`, `ip rule` and `ip neigh` that change an {@link IpConfig}. */
import { IpvsError } from '../../errors.js';
import { AF_INET, AF_INET6, type Family, type InetAddr, inetEqual } from '../../wire/inet.js';
import {
  type FibRoute,
  type FibRule,
  type Link,
  prefixEqual,
  type RouteType,
  speaks,
  TABLES,
} from './fib.js';
import { type IpConfig, neighbourKey, parseMac } from './ip-config.js';
import { type Prefix, parseAddress, parsePrefix } from './prefix.js';

const ROUTE_TYPES: readonly string[] = [
  'unicast',
  'local',
  'broadcast',
  'unreachable',
  'prohibit',
  'blackhole',
  'throw',
];

/** Types of routes that lead nowhere. */
const REFUSALS: readonly string[] = ['unreachable', 'prohibit', 'blackhole', 'throw'];

/** Words that are read one after the other, most of them pairs of a keyword and its value. */
class Words {
  readonly #words: string[];
  #at = 0;

  constructor(words: string[]) {
    this.#words = words;
  }

  peek(): string | undefined {
    return this.#words[this.#at];
  }

  next(what: string): string {
    const word = this.#words[this.#at++];
    if (word === undefined) throw new IpvsError('INVALID', `${what} is missing`);
    return word;
  }

  /** The rest as keyword and value. @param known the keywords; one with `false` takes no value. */
  options(known: Record<string, boolean>): Map<string, string> {
    const out = new Map<string, string>();
    while (this.peek() !== undefined) {
      const word = this.next('');
      const value = known[word];
      if (value === undefined) throw new IpvsError('NOT_SUPPORTED', `ip: "${word}" is not understood`);
      out.set(word, value ? this.next(`the value of ${word}`) : '');
    }
    return out;
  }
}

/** Carries out `ip ARGS`. @throws IpvsError with what the command would say, or `NOT_SUPPORTED`. */
export function ipCommand(config: IpConfig, args: string[]): void {
  const words = new Words(args);
  let family: Family | undefined;
  while (words.peek()?.startsWith('-')) {
    const option = words.next('');
    if (option === '-6') family = AF_INET6;
    else if (option === '-4') family = AF_INET;
    else throw new IpvsError('NOT_SUPPORTED', `ip ${option} is not understood`);
  }
  const object = words.next('the object');
  const verb = words.next('the command');
  if ('link'.startsWith(object)) ipLink(config, verb, words);
  else if ('address'.startsWith(object)) ipAddress(config, verb, words);
  else if ('route'.startsWith(object)) ipRoute(config, verb, words, family);
  else if ('rule'.startsWith(object)) ipRule(config, verb, words, family);
  else if ('neighbour'.startsWith(object) || 'neighbor'.startsWith(object)) ipNeighbour(config, verb, words);
  else throw new IpvsError('NOT_SUPPORTED', `ip ${object} is not understood`);
  config.generation++;
}

const unknown = (object: string, verb: string): IpvsError =>
  new IpvsError('NOT_SUPPORTED', `ip ${object} ${verb} is not understood`);

function number(text: string, what: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new IpvsError('INVALID', `"${text}" is no ${what}`);
  return value;
}

function ipLink(config: IpConfig, verb: string, words: Words): void {
  if (verb !== 'set') throw unknown('link', verb);
  if (words.peek() === 'dev') words.next('');
  const link = config.link(words.next('the device'));
  const options = words.options({ up: false, down: false, mtu: true });
  const mtu = options.get('mtu');
  if (mtu !== undefined) config.setLinkMtu(link, number(mtu, 'MTU'));
  if (options.has('up')) config.setLinkUp(link, true);
  if (options.has('down')) config.setLinkUp(link, false);
}

function ipAddress(config: IpConfig, verb: string, words: Words): void {
  const prefix = parsePrefix(words.next('the address'), 'address');
  const link = config.link(
    words.options({ dev: true, nodad: false, scope: true, brd: true }).get('dev') ?? '',
  );
  if (verb === 'add') config.addAddress(link, prefix);
  else if (verb === 'del' || verb === 'delete') config.removeAddress(link, prefix);
  else throw unknown('address', verb);
}

/** Adds the route that `ip route add TEXT` would. */
export function addRoute(config: IpConfig, text: string): void {
  ipCommand(config, ['route', 'add', ...text.trim().split(/\s+/)]);
}

function ipRoute(config: IpConfig, verb: string, words: Words, family: Family | undefined): void {
  const routes = config.fib.routes;
  const named = ROUTE_TYPES.includes(words.peek() ?? '');
  const type = (named ? words.next('') : 'unicast') as RouteType;
  const destination = words.next('the destination');
  const options = words.options({
    via: true,
    dev: true,
    src: true,
    mtu: true,
    metric: true,
    table: true,
    scope: true,
    proto: true,
    onlink: false,
  });
  const via = options.has('via') ? parseAddress(options.get('via')!, 'via') : undefined;
  const prefix = parsePrefix(destination, 'route', family ?? via?.family ?? AF_INET);
  if (family !== undefined && prefix.addr.family !== family) {
    const kind = family === AF_INET6 ? 'inet6' : 'inet';
    throw new IpvsError('INVALID', `Error: ${kind} prefix is expected rather than "${destination}".`);
  }
  const table = parseTable(
    options.get('table') ?? (type === 'local' || type === 'broadcast' ? 'local' : 'main'),
  );
  const removes = verb === 'del' || verb === 'delete';
  const metric = number(options.get('metric') ?? (prefix.addr.family === AF_INET6 ? '1024' : '0'), 'metric');
  const dev = options.has('dev') ? config.link(options.get('dev')!) : undefined;
  if (dev !== undefined && !speaks(dev, prefix.addr.family))
    throw new IpvsError('NO_DEVICE', 'No such device');
  // what refuses packets has no device
  const isMeant = (r: FibRoute): boolean =>
    (via === undefined || (r.via !== undefined && inetEqual(r.via, via))) &&
    (dev === undefined || (r.link === dev && !REFUSALS.includes(r.type)));
  const isMetric = (r: FibRoute): boolean => (removes && !options.has('metric')) || r.metric === metric;
  const known = routes.filter((r) => r.table === table && prefixEqual(r.prefix, prefix) && isMetric(r));
  // of several the best goes
  const same = (removes ? known.filter(isMeant) : known).sort((a, b) => a.metric - b.metric)[0];
  if (!removes && verb !== 'add' && verb !== 'replace') throw unknown('route', verb);
  if (removes && same === undefined) throw new IpvsError('SERVICE_NOT_FOUND', 'No such process');
  if (same !== undefined && verb === 'add') throw new IpvsError('DEST_EXISTS', 'File exists');
  if (same !== undefined) routes.splice(routes.indexOf(same), 1);
  if (removes) return;
  const source = options.has('src') ? parseAddress(options.get('src')!, 'src') : undefined;
  const link = routeLink(config, type, via, options.get('dev'));
  routes.push({
    table,
    prefix,
    type,
    via,
    link,
    mtu: number(options.get('mtu') ?? '0', 'MTU'),
    source,
    metric,
    kernel: false,
  });
}

function routeLink(
  config: IpConfig,
  type: RouteType,
  via: InetAddr | undefined,
  dev: string | undefined,
): Link {
  if (dev !== undefined) return config.link(dev);
  if (type !== 'unicast') return config.loopback;
  if (via === undefined) throw new IpvsError('NO_DEVICE', 'No such device');
  const towards = config.fib.lookup(via);
  if (towards === undefined) throw new IpvsError('INVALID', 'Nexthop has invalid gateway.');
  return towards.link;
}

function parseTable(text: string): number {
  return TABLES[text] ?? number(text, 'table');
}

function ipRule(config: IpConfig, verb: string, words: Words, family: Family = AF_INET): void {
  const options = words.options({
    fwmark: true,
    from: true,
    to: true,
    iif: true,
    lookup: true,
    table: true,
    pref: true,
    priority: true,
  });
  const prefix = (name: string): Prefix | undefined =>
    options.has(name) ? parsePrefix(options.get(name)!, name, family) : undefined;
  const { rules } = config.fib;
  const mine = rules.filter((r) => r.family === family);
  const text = options.get('pref') ?? options.get('priority');
  // without a priority a rule goes before all others but that of the local table
  const priority =
    text === undefined ? Math.min(32_766, ...mine.map((r) => r.priority)) - 1 : number(text, 'priority');
  const rule: FibRule = {
    family,
    priority,
    table: parseTable(options.get('lookup') ?? options.get('table') ?? 'main'),
    mark: options.has('fwmark') ? number(options.get('fwmark')!, 'mark') : undefined,
    from: prefix('from'),
    to: prefix('to'),
    iif: options.get('iif'),
  };
  if (verb === 'add') {
    rules.push(rule);
    rules.sort((a, b) => a.priority - b.priority);
    return;
  }
  if (verb !== 'del' && verb !== 'delete') throw unknown('rule', verb);
  const at = rules.findIndex(
    (r) =>
      r.family === family &&
      r.table === rule.table &&
      r.mark === rule.mark &&
      r.iif === rule.iif &&
      (text === undefined || r.priority === priority),
  );
  if (at < 0) throw new IpvsError('DEST_NOT_FOUND', 'No such file or directory');
  rules.splice(at, 1);
}

function ipNeighbour(config: IpConfig, verb: string, words: Words): void {
  if (verb === 'flush') {
    const link = config.link(words.options({ dev: true }).get('dev') ?? '');
    // what was set by hand stays
    for (const key of config.asked.keys()) if (key.startsWith(`${link.name} `)) config.asked.set(key, false);
    return;
  }
  const addr = parseAddress(words.next('the address'), 'neighbour');
  const options = words.options({ lladdr: true, dev: true, nud: true });
  const key = neighbourKey(config.link(options.get('dev') ?? ''), addr);
  if (verb === 'del' || verb === 'delete') {
    const asked = config.asked.get(key) === true;
    if (asked) config.asked.set(key, false);
    if (!config.neighbours.delete(key) && !asked)
      throw new IpvsError('DEST_NOT_FOUND', 'No such file or directory');
  } else if (verb === 'add' || verb === 'replace' || verb === 'change') {
    const known = config.neighbours.has(key) || config.asked.get(key) === true;
    if (known && verb === 'add') throw new IpvsError('DEST_EXISTS', 'File exists');
    config.asked.delete(key);
    config.neighbours.set(key, parseMac(options.get('lladdr') ?? '', 'lladdr'));
  } else {
    throw unknown('neighbour', verb);
  }
}
