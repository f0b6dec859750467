import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { parse as parseYaml } from 'yaml';
import { convertKeepalived } from '../../src/cli/convert/keepalived/keepalived.js';
import { checkConfig } from '../../src/daemon/config/check.js';
import { configText } from '../../src/daemon/config/yaml-text.js';
import { IpvsError } from '../../src/errors.js';
import { temporaryFolder } from '../support/daemon.js';

const folder = temporaryFolder();
after(folder.remove);

/** The services as YAML, with what was left out. */
function converted(text: string, file = `${folder.path}/k.conf`): { yaml: string; notes: string[] } {
  const notes: string[] = [];
  const config = convertKeepalived(text, file, (place, remark) => {
    notes.push(`${place.file.slice(folder.path.length + 1)}:${place.line}: ${remark}`);
  });
  return { yaml: configText(config), notes };
}

describe('checkers become health checks', () => {
  const checks = (lines: string, around = '') =>
    converted(
      `virtual_server 10.1.0.1 80 {\n protocol TCP\n${around}\n real_server 10.2.0.1 80 {\n${lines}\n }\n}\n`,
    );
  const TIMES = 'interval: 60000, timeout: 5000, rise: 1';
  const kinds: [string, string][] = [
    ['TCP_CHECK { }', `{ type: tcp, ${TIMES}, fall: 2 }`],
    ['TCP_CHECK {\n connect_port 81\n retry 4\n }', `{ type: tcp, ${TIMES}, fall: 5, port: 81 }`],
    ['PING_CHECK {\n alpha\n }', `{ type: ping, ${TIMES}, fall: 2, start: down }`],
    [
      'DNS_CHECK {\n type A\n name a.example\n }',
      `{ type: dns, ${TIMES}, fall: 4, name: a.example, record: A }`,
    ],
    [
      'UDP_CHECK {\n payload 41 42\n require_reply\n }',
      `{ type: udp, ${TIMES}, fall: 2, matches: ^, send: AB }`,
    ],
    [
      'HTTP_GET {\n url {\n path /a\n status_code 200 300-310\n virtualhost a.example\n regex "o k"\n }\n }',
      `{ type: http, ${TIMES}, fall: 2, matches: o k, path: /a, headers: { host: a.example }, status: [ "200", 300-310 ] }`,
    ],
    [
      'SSL_GET {\n enable_sni\n url {\n virtualhost a.example:443\n }\n }',
      `{ type: https, ${TIMES}, fall: 2, headers: { host: a.example:443 }, status: [ 200-299 ], serverName: a.example, verify: false }`,
    ],
    ['SMTP_CHECK {\n helo_name lb1.example\n }', `{ type: smtp, ${TIMES}, fall: 2, helo: lb1.example }`],
    ['SMTP_CHECK { }', `{ type: smtp, ${TIMES}, fall: 2 }`],
    ['DNS_CHECK {\n type CNAME\n }', `{ type: dns, ${TIMES}, fall: 4, record: CNAME }`],
    [
      'UDP_CHECK {\n payload 41f 3\n }',
      // pairs of digits, and single ones at the end of a word
      `{ type: udp, ${TIMES}, fall: 2, sendHex: 410f03 }`,
    ],
    [
      'HTTP_GET {\n fast_recovery\n http_protocol 1.1\n url {\n digest 9b3a0c85a887a256d6939da88aabd8cd\n regex sorry\n regex_no_match\n regex_options dotall caseless utf\n regex_stack 1 2\n }\n }',
      `{ type: http, ${TIMES}, fall: 2, matches: ^(?!.*(?:sorry)), ignoreCase: true, status: [ 200-299 ], md5: 9b3a0c85a887a256d6939da88aabd8cd }`,
    ],
    [
      'MISC_CHECK {\n misc_path "/bin/check a"\n misc_timeout 7\n }',
      '{ type: exec, interval: 60000, timeout: 7000, rise: 1, fall: 1, command: [ /bin/check, a ] }',
    ],
    [
      "MISC_CHECK {\n misc_path '/bin/check | grep x'\n }",
      '{ type: exec, interval: 60000, timeout: 60000, rise: 1, fall: 1, command: [ /bin/sh, -c, /bin/check | grep x ] }',
    ],
  ];
  for (const [lines, expected] of kinds) {
    test(lines.replaceAll('\n', ''), () => {
      const { yaml, notes } = checks(lines);
      assert.match(yaml, /health:\n {6}checks:\n {8}- \{/);
      assert.ok(yaml.includes(`- ${expected}\n      onFailure: remove\n`), yaml);
      assert.deepEqual(notes, []);
    });
  }

  test('settings of a checker come before those of its server, and those before the virtual server’s', () => {
    const { yaml } = checks(
      'delay_loop 2\n retry 0\n TCP_CHECK {\n retry 1\n }',
      'delay_loop 9\n connect_timeout 0.5\n inhibit_on_failure',
    );
    assert.match(yaml, /type: tcp, timeout: 500, rise: 1, fall: 2 \}\n {4}dests/);
  });

  test('each URL is asked by a check of its own', () => {
    const { yaml, notes } = checks(
      'HTTP_GET {\n connect_port 81\n url {\n path /a\n }\n url {\n path /b\n }\n }',
    );
    assert.match(yaml, /port: 81, path: \/a.*\n.*port: 81, path: \/b/);
    assert.deepEqual(notes, []);
  });

  /** The pattern of the only check. */
  const patternOf = (lines: string): RegExp => {
    const { yaml, notes } = checks(lines);
    assert.deepEqual(notes, []);
    const { services } = parseYaml(yaml) as { services: { health: { checks: { matches: string }[] } }[] };
    return new RegExp(services[0]!.health.checks[0]!.matches, 's');
  };
  const bytes = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');

  test('a pattern that must not match matches everything else', () => {
    const pattern = patternOf('HTTP_GET {\n url {\n regex "down|sorry$"\n regex_no_match\n }\n }');
    for (const text of ['', 'up', 'so\nsorry not']) assert.match(text, pattern);
    for (const text of ['down', 'a\ndown b', 'so\nsorry']) assert.doesNotMatch(text, pattern);
  });

  test('a reply by UDP is compared as far as it goes, an x standing for any digit', () => {
    const pattern = patternOf('UDP_CHECK {\n require_reply 0a xb cx xx ff\n }');
    for (const hex of ['', '0a', '0a5b', '0a5bc700ff', '0a0bcf0dff1234'])
      assert.match(bytes(hex), pattern, hex);
    for (const hex of ['0b', '0a5c', '0a5bd7', '0a5bc700fe', '0a0a'])
      assert.doesNotMatch(bytes(hex), pattern, hex);
  });

  test('and must have a length, if one is given', () => {
    const between = patternOf('UDP_CHECK {\n require_reply\n min_reply_length 2\n max_reply_length 3\n }');
    assert.deepEqual(
      ['00', '000a', '000000', '00000000'].map((hex) => between.test(bytes(hex))),
      [false, true, true, false],
    );
  });

  test('a program that asks for weights fails by status 1 alone', () => {
    const { yaml, notes } = checks('MISC_CHECK {\n misc_path "/bin/check a"\n misc_dynamic\n }');
    assert.match(yaml, /command: \[ \/bin\/sh, -c, \(\/bin\/check a\); test \$\? -ne 1 \]/);
    assert.match(notes.join(), /misc_dynamic: the weight stays what it is/);
  });

  test('what there is nothing for is remarked', () => {
    const { yaml, notes } = checks(
      'FILE_CHECK {\n track_file f\n }\n HTTP_GET { }\n MISC_CHECK { }\n TCP_CHECK {\n bindto 10.0.0.1\n warmup 3\n }',
      'sorry_server_inhibit',
    );
    assert.match(yaml, /type: tcp/);
    assert.deepEqual(
      notes.map((line) => line.split(': ').slice(0, 2).join(': ')),
      [
        'k.conf:3: sorry_server_inhibit',
        'k.conf:5: FILE_CHECK',
        'k.conf:8: HTTP_GET',
        'k.conf:9: MISC_CHECK',
        'k.conf:11: bindto 10.0.0.1',
        'k.conf:12: warmup 3',
      ],
    );
  });

  test('without any there is no health, whatever the quorum', () => {
    const { yaml, notes } = checks('', 'quorum 3\n sorry_server 10.9.9.9');
    assert.doesNotMatch(yaml, /health/);
    assert.match(notes[0]!, /^k\.conf:4: sorry_server 10\.9\.9\.9: it depends on health checks/);
  });

  test('a sorry server that is a real server, too, is left out', () => {
    const { yaml, notes } = checks('TCP_CHECK { }', 'sorry_server 10.2.0.1 80');
    assert.match(yaml, /checks:\n.*\n {6}onFailure: remove\n {4}dests/);
    assert.match(notes[0]!, /^k\.conf:3: sorry_server 10\.2\.0\.1 80: is one of the real servers/);
  });
});

describe('virtual servers become services', () => {
  test('with everything that IPVS has, and a remark for everything else', () => {
    const { yaml, notes } = converted(`! the shop
global_defs {
  router_id lb1
  lvs_timeouts tcp 7200 tcpfin 100 udp 50
  lvs_sync_daemon eth0 VI_1 id 3
}
virtual_server 10.1.0.100 443 {
  delay_loop 6
  lb_algo sh   # an old name
  sh-port
  lb_kind DR
  protocol TCP
  persistence_timeout 50
  persistence_granularity 255.255.255.0
  quorum 2
  sorry_server 10.9.9.9 443
  weight 3
  real_server 10.2.0.11 443 {
    TCP_CHECK {
      connect_timeout 3
    }
    notify_down "/bin/mail 'x { y'"
  }
  real_server 10.2.0.12 8443 { weight 5 really
    uthreshold 100
    lvs_method NAT
  }
}
vrrp_instance VI_1 {
  interface eth0
}
`);
    assert.equal(
      yaml,
      `timeouts:
  tcp: 7200
  tcpFin: 100
  udp: 50
services:
  - protocol: tcp
    address: 10.1.0.100
    port: 443
    scheduler: sh
    flags: [ persistent, flag-2 ]
    timeout: 50
    netmask: 255.255.255.0
    health:
      quorum: 2
      onFailure: remove
      sorryServer: { address: 10.9.9.9, port: 443, forward: route }
    dests:
      - { address: 10.2.0.11, port: 443, forward: route, weight: 3, checks: [ { type: tcp, interval: 6000, timeout: 3000, rise: 1, fall: 2 } ] }
      - { address: 10.2.0.12, port: 8443, forward: masq, weight: 5, uThreshold: 100, checks: [] }
`,
    );
    assert.deepEqual(
      notes.map((note) => note.split(':').slice(0, 3).join(':')),
      [
        'k.conf:5: lvs_sync_daemon eth0 VI_1 id 3',
        "k.conf:22: notify_down /bin/mail 'x { y'",
        'k.conf:24: weight 5 really',
        'k.conf:29: vrrp_instance VI_1',
      ],
    );
  });

  test('of what is not said keepalived’s own defaults: UDP, wlc, NAT, weight 1, the port of the virtual server', () => {
    assert.deepEqual(converted('virtual_server 10.1.0.1 53 {\n real_server 10.2.0.1 {\n }\n}\n'), {
      yaml: 'services:\n  - protocol: udp\n    address: 10.1.0.1\n    port: 53\n    scheduler: wlc\n    dests:\n      - { address: 10.2.0.1, port: 53, forward: masq }\n',
      notes: [],
    });
  });

  test('a group becomes one for each of its entries', () => {
    const { yaml, notes } = converted(`virtual_server_group web
{
  10.1.0.100-102 80
  10.1.1.254-10.1.2.0 81
  10.1.3.4/31 82
  fd00::100-101 80
  fwmark 7
  nonsense
}
virtual_server group web {
  protocol TCP
  lvs_method TUN type gue port 6080 csum
  real_server 10.2.0.1 80 { }
}
`);
    assert.deepEqual(
      [...yaml.matchAll(/address: (\S+)\n {4}port: (\d+)|fwmark: (\d+)/g)].map(
        ([, address, port, mark]) => mark ?? `${address} ${port}`,
      ),
      [
        '10.1.0.100 80',
        '10.1.0.101 80',
        '10.1.0.102 80',
        '10.1.1.254 81',
        '10.1.1.255 81',
        '10.1.2.0 81',
        '10.1.3.4 82',
        '10.1.3.5 82',
        'fd00::100 80',
        'fd00::101 80',
        '7',
      ],
    );
    assert.match(
      yaml,
      /\{ address: 10\.2\.0\.1, port: 82, forward: tunnel, tunType: gue, tunPort: 6080, tunCsum: csum \}/,
    );
    assert.equal(notes[0], 'k.conf:8: nonsense: not an address and port, nor a mark');
  });

  test('parameters, conditions and continued lines are put in', () => {
    const { yaml, notes } = converted(
      `$NET=10.2.\${SUB}
$RS= \\
real_server \${NET}.\${N} 80 { \\
  weight $N \\
}
$SUB=0
@backup virtual_server 10.1.0.9 80 { }
@^backup virtual_server 10.1.0.1 80 {
  protocol \\
    TCP
  $N=1
  $RS
  $N=2
  $RS
}
`,
    );
    assert.match(
      yaml,
      /\{ address: 10\.2\.0\.1, port: 80, forward: masq \}\n {6}- \{ address: 10\.2\.0\.2, port: 80, forward: masq, weight: 2 \}/,
    );
    assert.deepEqual(notes, [
      'k.conf:7: @backup virtual_server 10.1.0.9 80 { }: only for the configuration id backup',
    ]);
  });

  test('files are included, in the order of their names', () => {
    mkdirSync(`${folder.path}/conf.d`);
    writeFileSync(`${folder.path}/conf.d/b.conf`, 'virtual_server 10.1.0.2 80 {\n bogus 1\n}\n');
    writeFileSync(`${folder.path}/conf.d/a.conf`, 'virtual_server 10.1.0.1 80 { }\n');
    const { yaml, notes } = converted('include conf.d/*.conf\ninclude none/*.conf\n');
    assert.match(yaml, /10\.1\.0\.1[\s\S]*10\.1\.0\.2/);
    assert.deepEqual(notes, [
      'k.conf:2: include none/*.conf: no such file',
      'conf.d/b.conf:2: bogus 1: not understood',
    ]);
  });

  const remarks: [string, string, RegExp][] = [
    ['flags of other schedulers', 'lvs_sched rr\n mh-port', /3: mh-port: only for the scheduler mh/],
    ['one packet scheduling without UDP', 'protocol TCP\n ops', /3: ops: only for UDP/],
    ['a method that there is not', 'lvs_method XYZ', /2: lvs_method XYZ: no such forwarding method/],
    [
      'a server of another family',
      'real_server fd00::1 80 { }',
      /2: fd00::1: not of the service's address family/,
    ],
    [
      'a server’s port that only NAT can have',
      'lvs_method DR\n real_server 10.2.0.1 81 { }',
      /3: real_server 10\.2\.0\.1 81: without NAT the port is the virtual server's, 80/,
    ],
    [
      'a server without an address',
      'real_server web 80 { }',
      /2: real_server web 80: expected an address and a port/,
    ],
    ['a value that IPVS does not know', 'protocol DCCP', /1: protocol: "dccp" is not a protocol/],
  ];
  for (const [what, lines, expected] of remarks) {
    test(`a remark about ${what}`, () => {
      const { notes } = converted(`virtual_server 10.1.0.1 80 {\n ${lines}\n}\n`);
      assert.equal(notes.filter((note) => expected.test(note)).length, 1, notes.join('\n'));
    });
  }

  test('braces that do not match are refused with their line', () => {
    assert.throws(() => converted('virtual_server 10.1.0.1 80 {\n'), /k\.conf:1: a "\{" without its partner/);
    assert.throws(() => converted('\n}\n'), /k\.conf:2: a "\}" without its partner/);
  });
});

test('whatever the text, it is converted to a good configuration or refused', async () => {
  const word = fc.constantFrom(
    ...[
      'virtual_server',
      'real_server',
      'virtual_server_group',
      'group',
      'fwmark',
      '10.0.0.1',
      '10.0.0.1-9',
      'fd00::/120',
      '80',
      '0',
      '7',
      '{',
      '}',
      '{',
      '}',
      '\n',
      '\n',
      '\n',
    ],
    ...[
      'lb_algo',
      'rr',
      'protocol',
      'TCP',
      'lvs_method',
      'TUN',
      'type',
      'gue',
      'weight',
      '-1',
      '99999999999',
      'ops',
      'persistence_timeout',
      '"',
      "'",
      '#',
      '!',
      '$X=1',
      '$X',
      `$\{X}`,
      '\\',
      '@a',
      'TCP_CHECK',
      'HTTP_GET',
      'SSL_GET',
      'UDP_CHECK',
      'require_reply',
      'payload',
      'xF0',
      'min_reply_length',
      'MISC_CHECK',
      'misc_path',
      'misc_dynamic',
      'url',
      'regex',
      'regex_no_match',
      'digest',
      'retry',
      'sorry_server',
      'quorum',
      '~SEQ(a, 1, 2)',
      'global_defs',
      'lvs_timeouts',
      'tcp',
    ],
  );
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 40 }), async (words) => {
      try {
        await checkConfig(converted(words.join(' ')).yaml, 'x');
      } catch (error) {
        assert.ok(error instanceof IpvsError && error.code === 'BAD_CONFIG', String((error as Error).stack));
      }
    }),
    { numRuns: 2000 },
  );
});

describe('what stands for more than any memory holds is refused', () => {
  const TEN = 'ABCDEFGHIJ';
  /** Each parameter is ten times the next. */
  const parameters = (between: string): string =>
    Array.from(
      TEN,
      (name, i) =>
        `$${name}=${Array(10)
          .fill(`\${${TEN[i + 1] ?? 'A'}}`)
          .join(between)}`,
    ).join('\n');

  test('parameters of parameters, on one line', () => {
    assert.throws(() => converted(`${parameters('')}\nx \${A}`), {
      code: 'BAD_CONFIG',
      message: /more than \d+ characters/,
    });
  });

  test('parameters of parameters, in lines', () => {
    assert.throws(() => converted(`${parameters('\\\n')}\n\${A}`), { code: 'BAD_CONFIG' });
  });
});

test('a file that is included may be long', () => {
  writeFileSync(`${folder.path}/long.conf`, '# nothing\nvrrp_sync_group x\n'.repeat(130_000));
  const { notes } = converted('include long.conf\n');
  assert.equal(notes.length, 130_000);
});

test('a bracket in the name of an included file that closes nowhere stands for itself', () => {
  writeFileSync(`${folder.path}/a[`, 'vrrp_sync_group x\n');
  const { notes } = converted('include *[\ninclude [z-a]*\n');
  assert.match(
    notes.sort().join('\n'),
    /^a\[:1: vrrp_sync_group x: not about virtual servers.*\nk\.conf:2: .*no such file$/,
  );
});
