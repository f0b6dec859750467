/**
 * A million connections in the fast path's maps: memory, and how long it takes to install them, to read what they have counted, and to take them back.
 * Needs CAP_BPF.
 *
 *   node dist/bench/million.js [--quick] [--json FILE]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FlowCache } from '../src/datapath/fast/flow-cache.js';
import { type FastMaps, openMaps } from '../src/datapath/fast/maps.js';
import { IPPROTO_UDP } from '../src/engine/flags.js';
import { MapBatch } from '../src/linux/bpf-map.js';
import { TITLES } from './program.js';
import { EngineLoad } from './support/engine-load.js';
import { NullHost } from './support/null-host.js';
import { type Figure, printFigures, writeFigures } from './support/report.js';

const { values } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const COUNT = values.quick ? 100_000 : 1_000_000;
const LIMIT = values.quick ? 1 << 17 : 1 << 20;
const WAYS = 16_384;
/** Elements read by one system call. */
const BATCH = 4096;
/** Connections whose counters are read one by one. */
const SINGLE = 10_000;

/** All that the fast path asks of a machine. */
class EthernetHost extends NullHost {
  hasEthernet(): boolean {
    return true;
  }
}

/** Bytes that the kernel has for the maps (`memlock` of their descriptors). */
function memoryOf(maps: FastMaps): number {
  return Object.values(maps).reduce((sum, { fd }) => {
    const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    return sum + Number(/^memlock:\s*(\d+)/m.exec(text)?.[1] ?? Number.NaN);
  }, 0);
}

function seconds(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

/** Reads all flows. @returns how many there are. */
function scan(maps: FastMaps, v6: boolean): number {
  const map = v6 ? maps.flows6 : maps.flows4;
  let flows = 0;
  map.scan(new MapBatch(map, BATCH), (count) => {
    flows += count;
  });
  return flows;
}

function measure(v6: boolean): Figure[] {
  const load = new EngineLoad(IPPROTO_UDP, v6, COUNT, LIMIT);
  load.open();
  const { ipvs } = load.net;
  const maps = openMaps({ flows: 2 * LIMIT, ways: WAYS });
  try {
    const empty = memoryOf(maps);
    const cache = new FlowCache(ipvs, new EthernetHost([]), maps);
    ipvs.fastPath = cache;
    const installing = seconds(() => {
      load.use(COUNT);
      cache.flush();
    });
    if (cache.counters.installed !== COUNT)
      throw new Error(`only ${cache.counters.installed} were installed`);
    const full = memoryOf(maps);
    let flows = 0;
    const reading = seconds(() => {
      flows = scan(maps, v6);
    });
    if (flows !== 2 * COUNT) throw new Error(`${flows} flows were read`);
    const settling = seconds(() => {
      for (let c = 0; c < SINGLE; c++) cache.settle(c);
    });
    const folding = seconds(() => cache.fold());
    const withdrawing = seconds(() => cache.withdrawAll());
    const family = v6 ? 'IPv6' : 'IPv4';
    return [
      { name: `${family}: connections by NAT in the maps`, value: COUNT, unit: '', note: 'two flows each' },
      { name: 'maps before the first', value: empty / 2 ** 20, unit: 'MiB', note: `for ${LIMIT}` },
      { name: 'maps with all of them', value: full / 2 ** 20, unit: 'MiB' },
      { name: 'for each connection', value: (full - empty) / COUNT, unit: 'bytes' },
      {
        name: 'installed, while each has a packet, in',
        value: installing,
        unit: 's',
        note: `${((installing / COUNT) * 1e9).toFixed(0)} ns each`,
      },
      { name: 'all counters of all flows read in', value: reading, unit: 's', note: 'LOOKUP_BATCH' },
      {
        name: 'counters of all servers read in',
        value: folding * 1000,
        unit: 'ms',
        note: 'each two seconds',
      },
      {
        name: "one connection's last use read in",
        value: (settling / SINGLE) * 1e6,
        unit: 'µs',
        note: 'by its timer',
      },
      {
        name: 'all taken back in',
        value: withdrawing,
        unit: 's',
        note: `${((withdrawing / COUNT) * 1e9).toFixed(0)} ns each`,
      },
    ];
  } finally {
    ipvs.fastPath = null;
    for (const map of Object.values(maps)) map.close();
  }
}

const figures = [false, true].flatMap(measure);
printFigures(TITLES.million, figures);
if (values.json !== undefined) writeFigures(values.json, figures);
