/** Command lines and rules of ipvsadm, right ones and spoilt ones, before the engine: a line that fails has done nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NullHost } from '../../bench/support/null-host.js';
import { convertRules } from '../../src/cli/convert/ipvsadm.js';
import { captureIpvsadm } from '../../src/cli/ipvsadm/captured-run.js';
import { namesFrom } from '../../src/cli/ipvsadm/name-files.js';
import { EngineDirector } from '../../src/control/engine-director.js';
import { tryConfig } from '../../src/daemon/config/check.js';
import { ConfigReader } from '../../src/daemon/config/reader.js';
import { configText } from '../../src/daemon/config/yaml-text.js';
import { Net } from '../../src/engine/net.js';
import { beginning } from '../support/fuzz-events.js';
import { assertInvariants } from '../support/invariants.js';
import { assertUnchanged, stateText } from '../support/state-text.js';

const names = namesFrom('10.2.0.1 rs1', 'http 80/tcp');

/** A machine on which sync daemons start. */
class Wired extends NullHost {
  override interfaceMtu(name: string): number | undefined {
    return name === 'eth0' ? 1500 : undefined;
  }
}

/** Words for a place in a line: mostly those that fit there. */
function words(...good: readonly string[]): fc.Arbitrary<string> {
  const other = fc.constantFrom(
    ...[
      '',
      '-',
      '--',
      '-1',
      '0',
      '00',
      '0x10',
      '1e3',
      '65536',
      '4294967296',
      '99999999999999999999',
      '80:80',
      '[::',
      ']',
    ],
    ...[
      '10.1.0.256',
      '10.1.0.100:80:',
      '[fd00::1]:x',
      '::ffff:1.2.3.4',
      'rs1:http',
      ',',
      '\u00e4',
      'x'.repeat(300),
      '-A',
      '-n',
    ],
  );
  return fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: other },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  );
}

const text = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((all) => all.filter((part) => part !== '').join(' '));
const flag = (...good: readonly string[]) => fc.constantFrom('', ...good);
const option = (name: string, ...good: readonly string[]) =>
  fc.oneof(
    fc.constant(''),
    words(...good).map((value) => `${name} ${value}`),
  );

const service = fc.oneof(
  text(
    fc.constantFrom('-t', '-u', '--sctp-service'),
    words('10.1.0.100:80', '[fd00:1::100]:80', '10.1.0.100:81', '10.1.0.100'),
  ),
  text(fc.constant('-f'), words('1', '2'), flag('-6')),
);
const server = text(
  fc.constant('-r'),
  words('10.2.0.11:8080', '[fd00:2::11]:8080', '10.2.0.12', '10.2.0.11:80'),
);
const settings = text(
  option('-s', 'rr', 'wlc', 'sh', 'mh', 'none'),
  option('-p', '60', '1'),
  option('-M', '255.255.255.0', '64'),
  option('-b', 'sh-port', 'mh-fallback,flag-3'),
  option('--pe', 'sip'),
  flag('-o'),
);
const serverSettings = text(
  flag('-m', '-g', '-i'),
  option('-w', '1', '0', '2147483647'),
  option('-x', '0', '10'),
  option('-y', '0', '5'),
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    {
      weight: 1,
      arbitrary: text(
        option('--tun-type', 'gue', 'gre', 'ipip'),
        option('--tun-port', '6080'),
        flag('--tun-csum', '--tun-remcsum'),
      ),
    },
  ),
);
const daemon = text(
  words('master', 'backup'),
  option('--mcast-interface', 'eth0', 'none0'),
  option('--syncid', '7', '255', '256'),
  option('--mcast-group', '224.0.0.81', 'ff02::81'),
);

const line: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: text(fc.constant('-A'), service, settings) },
  { weight: 3, arbitrary: text(fc.constant('-E'), service, settings) },
  { weight: 1, arbitrary: text(fc.constant('-D'), service) },
  { weight: 6, arbitrary: text(fc.constant('-a'), service, server, serverSettings) },
  { weight: 4, arbitrary: text(fc.constant('-e'), service, server, serverSettings) },
  { weight: 2, arbitrary: text(fc.constant('-d'), service, server) },
  { weight: 1, arbitrary: text(fc.constant('-Z'), fc.oneof(fc.constant(''), service)) },
  { weight: 1, arbitrary: text(fc.constant('--set'), words('1', '900'), words('1'), words('0', '300')) },
  { weight: 1, arbitrary: text(fc.constantFrom('--start-daemon', '--stop-daemon'), daemon) },
  {
    weight: 1,
    arbitrary: text(
      fc.constantFrom('-L', '-Ln', '-S', '-Sn'),
      flag('-c', '--stats', '--rate', '--exact', '--daemon', '--timeout'),
    ),
  },
  { weight: 1, arbitrary: words('-C', '-R', '--help', '-h', '# comment', 'ipvsadm') },
);

async function begun(): Promise<{ net: Net; director: EngineDirector }> {
  const net = new Net({ host: new Wired([]), random: () => 1, connLimit: 16 });
  const director = new EngineDirector(net);
  for (const { command, args } of beginning())
    if (command !== 'daemon.start') await director.execute(command, args);
  return { net, director };
}

describe('whatever is said to ipvsadm', () => {
  test('a line ends in one of four states, and has done nothing unless that is 0', async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 20, size: 'max' }), async (lines) => {
        const { net, director } = await begun();
        for (const each of lines) {
          const before = stateText(net.ipvs);
          const { rc } = await captureIpvsadm(director, names, each.split(' '), 'nonsense');
          assert.ok([0, 1, 2, 255].includes(rc), `status ${rc}`);
          seen.add(rc);
          if (rc !== 0) assertUnchanged(net.ipvs, before, `status ${rc}, and something done: ${each}`);
          assertInvariants(net.ipvs);
        }
      }),
      { numRuns: 50 },
    );
    assert.ok(seen.has(0) && seen.has(2) && seen.has(255), [...seen].join());
  });

  test('rules come to the same by -R as line by line', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20, size: 'max' }), async (lines) => {
        const rules = lines.filter((each) => /^-[AEDaed]/.test(each) && !each.includes('\n'));
        const [one, other] = [await begun(), await begun()];
        for (const each of rules) {
          const found = each.split(/[ \t\r]+/).filter((word) => word !== '' && word !== 'ipvsadm');
          const { rc } = await captureIpvsadm(one.director, names, found, '');
          // usage ends the program
          if (rc === 2) break;
        }
        const { rc } = await captureIpvsadm(other.director, names, ['-R'], rules.join('\n'));
        assert.ok([0, 1, 2, 255].includes(rc), `status ${rc}`);
        assertInvariants(other.net.ipvs);
        const dump = async ({ director }: typeof one) =>
          JSON.stringify(await director.execute('service.page', {}));
        if (rc !== 2) assert.equal(await dump(other), await dump(one));
      }),
      { numRuns: 50 },
    );
  });

  test('rules are converted to a configuration that can be applied', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20, size: 'max' }), async (lines) => {
        const config = await convertRules(lines.join('\n'), 'f', names, () => {});
        assert.deepEqual(await tryConfig(config), []);
        await new ConfigReader().read(configText(config), 'f.yaml');
      }),
      { numRuns: 30 },
    );
  });
});
