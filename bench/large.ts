/**
 * Ten thousand services of ten real servers each: loaded, changed, listed; and a thousand servers checked each second. Needs root.
 *
 *   node dist/bench/large.js [--quick] [--json FILE]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { eventually, IPVSADM, IPVSD } from '../demo/lab.js';
import { skipReason } from '../test/e2e/namespaces.js';
import { ControlLab } from './net/control-lab.js';
import { median } from './net/statistics.js';
import { largeConfig, largeRules, SERVERS_EACH } from './support/large-rules.js';
import { type Figure, printFigures, writeFigures } from './support/report.js';

const { values } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const SERVICES = values.quick ? 500 : 10_000;
const CHANGES = values.quick ? 3 : 11;
const CHECKED = values.quick ? 100 : 1000;
/** Seconds that are looked at, when all checks have begun. */
const CHECKING = values.quick ? 3 : 15;

const MIB = 2 ** 20;
const atMost = (target: number) => ({ target, atMost: true });

/** Loads, changes and lists. */
async function rules(lab: ControlLab): Promise<Figure[]> {
  const empty = lab.memory;
  const [base, other] = [1, 2].map((weight) =>
    lab.file(`weight-${weight}.yaml`, largeConfig(SERVICES, weight)),
  );
  const applying = lab.time(IPVSD, ['apply', base!]);
  const full = lab.memory;
  const plans: number[] = [];
  const applies: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    const next = i % 2 === 0 ? other! : base!;
    plans.push(lab.time(IPVSD, ['plan', next]));
    applies.push(lab.time(IPVSD, ['apply', next]));
  }
  const listing = lab.time(IPVSADM, ['-Ln']);
  const flushing = lab.time(IPVSADM, ['-C']);
  const restoring = lab.time(IPVSADM, ['-R'], largeRules(SERVICES));
  const count = `${SERVICES} services of ${SERVERS_EACH}`;
  return [
    { name: `${count}: ipvsd apply into an empty daemon`, value: applying, unit: 's', ...atMost(10) },
    { name: 'memory of the daemon before', value: empty / MIB, unit: 'MiB' },
    {
      name: 'memory of the daemon after',
      value: full / MIB,
      unit: 'MiB',
      note: `${((full - empty) / SERVICES / SERVERS_EACH / 1024).toFixed(1)} KiB a server`,
    },
    {
      name: 'ipvsd plan with one change',
      value: median(plans) * 1000,
      unit: 'ms',
      ...atMost(200),
      note: `median of ${CHANGES}`,
    },
    {
      name: 'ipvsd apply with one change',
      value: median(applies) * 1000,
      unit: 'ms',
      ...atMost(200),
      note: `median of ${CHANGES}`,
    },
    { name: 'ipvsadm -Ln', value: listing, unit: 's', ...atMost(2) },
    { name: 'ipvsadm -C', value: flushing, unit: 's' },
    { name: 'ipvsadm -R', value: restoring, unit: 's', ...atMost(10), note: 'just after they were flushed' },
  ];
}

/** What checks take of one core. */
async function checks(lab: ControlLab, name: string, check: string): Promise<Figure> {
  const file = lab.file('checked.yaml', largeConfig(CHECKED / SERVERS_EACH, 1, check));
  lab.run(IPVSD, ['apply', file]);
  await eventually('not all servers are up', 60, () => {
    const missing = /DOWN|not asked yet/.exec(lab.run(IPVSD, ['health']))?.[0];
    if (missing !== undefined) throw new Error(`some are ${missing}`);
  });
  await sleep(3000);
  const [begin, start] = [lab.busy, performance.now()];
  await sleep(CHECKING * 1000);
  const share = (lab.busy - begin) / ((performance.now() - start) / 1000);
  return {
    name: `${CHECKED} servers checked each second by ${name}`,
    value: share * 100,
    unit: '% of one core',
    ...atMost(20),
  };
}

const reason = skipReason('sysctl');
if (reason === false) {
  const figures: Figure[] = [];
  for (const part of [
    rules,
    (lab: ControlLab) => checks(lab, 'TCP', '{ type: tcp, interval: 1000 }').then((figure) => [figure]),
    (lab: ControlLab) => checks(lab, 'HTTP', '{ type: http, interval: 1000 }').then((figure) => [figure]),
  ]) {
    const lab = new ControlLab();
    try {
      await lab.open();
      figures.push(...(await part(lab)));
    } finally {
      await lab.close();
    }
  }
  printFigures('Very many services', figures);
  if (values.json !== undefined) writeFigures(values.json, figures);
} else console.log(`No very many services: it ${reason}.`);
