/**
 * A soak: a million connections in virtual time, and 200,000 live ones through the TUN device (which needs root).
 *
 *   node dist/bench/soak.js [--quick] [--json FILE]
 *
 * Ends with 1 when a connection is missing, or anything stays of one whose time is over.
 */
import { parseArgs } from 'node:util';
import { IPPROTO_TCP, IPPROTO_UDP } from '../src/engine/flags.js';
import { skipReason } from '../test/e2e/namespaces.js';
import { tunSoak } from './net/soak.js';
import { type Figure, printFigures, writeFigures } from './support/report.js';
import { Soak } from './support/soak.js';

const { values } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const KIB = 1024;
const COUNT = values.quick ? 100_000 : 1_000_000;
const LIVE = values.quick ? 20_000 : 200_000;
/** Seconds; listing has to be done in that time. */
const UDP_TIMEOUT = values.quick ? 10 : 60;
const ROUNDS = values.quick ? 2 : 3;

/** @throws when something stays. */
function virtual(name: string, protocol: number, v6: boolean): Figure[] {
  const soak = new Soak(protocol, v6, COUNT, COUNT);
  const start = performance.now();
  let first: number | undefined;
  let growth = 0;
  for (let round = 0; round < ROUNDS; round++) {
    soak.open();
    soak.use();
    soak.expire();
    const { connections, timers, slots, refcnt, active, total, opened, heap } = soak.census();
    for (const [what, n] of Object.entries({ connections, timers, slots, refcnt, active, total }))
      if (n !== 0) throw new Error(`${name}: ${n} ${what} stay`);
    if (opened !== (round + 1) * COUNT) throw new Error(`${name}: ${opened} were opened`);
    first ??= heap;
    growth = heap - first;
  }
  const seconds = (performance.now() - start) / 1000 / ROUNDS;
  return [
    {
      name: `${name}: opened, used and expired in`,
      value: seconds,
      unit: 's',
      note: `${COUNT}, of which nothing stays`,
    },
    {
      name: 'growth of the heap after the first round',
      value: growth / KIB,
      unit: 'KiB',
      target: 1024,
      atMost: true,
      note: `${ROUNDS} rounds, garbage collected; the table's arrays never grow`,
    },
  ];
}

const figures = [
  ...virtual('TCP IPv4', IPPROTO_TCP, false),
  ...virtual('UDP IPv4', IPPROTO_UDP, false),
  ...virtual('TCP IPv6', IPPROTO_TCP, true),
  ...virtual('UDP IPv6', IPPROTO_UDP, true),
];
printFigures('Soak, in virtual time', figures);
const reason = skipReason('sysctl', 'cat');
if (reason === false) {
  const live = await tunSoak(LIVE, UDP_TIMEOUT);
  printFigures('Soak, through the TUN device', live);
  figures.push(...live);
} else console.log(`\nNo soak through the TUN device: it ${reason}.`);
if (values.json !== undefined) writeFigures(values.json, figures);
