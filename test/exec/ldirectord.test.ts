/** Debian's ldirectord, unmodified: a Perl program that runs ipvsadm and reads what it prints. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../demo/lab.js';
import { skipReason } from '../e2e/namespaces.js';
import { cachedFolder, unpackPackages } from '../support/unpacked-packages.js';
import { DirectorLab, server, VIP } from './director-lab.js';

/** ldirectord, and of the Perl modules that it needs those of what is configured here. To install them would replace the system's Perl. */
const PACKAGES = [
  ...['ldirectord', 'libsocket6-perl', 'libio-socket-inet6-perl', 'libmailtools-perl', 'libwww-perl'],
  ...['libhttp-message-perl', 'libhttp-date-perl', 'libtimedate-perl', 'liblwp-mediatypes-perl'],
  ...['libnet-http-perl', 'libio-html-perl', 'liburi-perl', 'libencode-locale-perl', 'libclone-perl'],
  'libtry-tiny-perl',
];

/** The words that run it; a text says why it cannot be had. In CI it must be had. */
function findLdirectord(): string[] | string {
  const missing = skipReason('ipvsadm', 'sysctl', 'perl', 'curl', 'apt-get', 'dpkg-deb');
  if (missing !== false) return missing;
  try {
    // compiled modules are for one version of Perl
    const version = execFileSync('perl', ['-e', 'printf "%vd", $^V'], { encoding: 'utf8' });
    const root = cachedFolder(`ldirectord-perl-${version}`, (folder) => unpackPackages(PACKAGES, folder));
    const compiled = readdirSync(join(root, 'usr/lib'))
      .map((machine) => join(root, 'usr/lib', machine, 'perl5'))
      .filter((path) => existsSync(path))
      .flatMap((path) => readdirSync(path).map((abi) => join(path, abi)));
    const library = [join(root, 'usr/share/perl5'), ...compiled].join(':');
    // Perl warns of it whenever it has read a listing to its end
    const quietly = 'exec "$0" "$@" 2> /dev/null';
    return ['env', `PERL5LIB=${library}`, 'sh', '-c', quietly, join(root, 'usr/sbin/ldirectord')];
  } catch (error) {
    return `needs Debian's packages of ldirectord, which cannot be had: ${(error as Error).message}`;
  }
}

const ldirectord = findLdirectord();
if (typeof ldirectord === 'string' && process.env.CI === 'true')
  throw new Error(`this test must not be skipped in CI: ${ldirectord}`);

describe('ldirectord under ipvsd exec', { skip: typeof ldirectord === 'string' && ldirectord }, () => {
  const lab = new DirectorLab();
  /** The process's number keeps its pid file apart from those of others. */
  const file = `ldirectord-${process.pid}.cf`;

  /** @param weight of server 1 at port 80, the one thing that a reload changes. */
  const configuration = (weight: number): string => `
checktimeout=10
negotiatetimeout=10
checkinterval=1
supervised=yes
logfile="${join(lab.folder, 'ldirectord.log')}"
virtual=${VIP}:80
    real=${server(1)}:80 masq ${weight}
    real=${server(2)}:80 masq 1
    fallback=${server(3)}:80 masq
    service=http
    checktype=connect
    scheduler=wrr
    protocol=tcp
    quiescent=yes
virtual=${VIP}:8080
    real=${server(1)}:8080 masq
    real=${server(2)}:8080 masq 4
    real=${server(3)}:8080 masq
    fallback=${server(4)}:8080 masq
    service=http
    checktype=negotiate
    request="/well"
    receive="^server[12] "
    scheduler=rr
    persistent=50
    protocol=tcp
    quiescent=no
`;
  const connect = (...servers: [n: number, weight: number][]): string[] => [
    `TCP ${VIP}:80 wrr`,
    ...servers.map(([n, weight]) => `-> ${server(n)}:80 Masq ${weight}`),
  ];
  const negotiate = (...servers: [n: number, weight: number][]): string[] => [
    `TCP ${VIP}:8080 rr persistent`,
    ...servers.map(([n, weight]) => `-> ${server(n)}:8080 Masq ${weight}`),
  ];

  before(() => lab.open(4));
  after(() => lab.close());

  test('adds the real servers that answer, of those that are asked for something the ones with the right answer', async () => {
    const path = lab.write(file, configuration(2));
    lab.start(...(ldirectord as string[]), path, 'start');
    await lab.becomes('servers are not there', [
      ...connect([1, 2], [2, 1]),
      // server 3 says who it is
      ...negotiate([1, 1], [2, 4]),
    ]);
    assert.match(lab.ask(), /^server[12]$/);
    assert.match(lab.ask(8080), /^server[12]$/);
  });

  test('one that does not answer is quiesced, or removed', async () => {
    await lab.stopServer(1);
    await lab.becomes('server 1 is still there', [...connect([1, 0], [2, 1]), ...negotiate([2, 4])]);
    assert.equal(lab.ask(), 'server2');
    assert.equal(lab.ask(8080), 'server2');
  });

  test('and is back when it answers', async () => {
    await lab.startServer(1);
    await lab.becomes('server 1 is not back', [...connect([1, 2], [2, 1]), ...negotiate([1, 1], [2, 4])]);
  });

  test('a reload, at which it executes itself, changes what is different, and leaves connections counted', async () => {
    for (let i = 0; i < 4; i++) lab.ask();
    await eventually('connections are not counted', 15, () => assert.ok(lab.connections() >= 4));
    const counted = lab.connections();
    lab.write(file, configuration(7));
    lab.signal('SIGHUP');
    await lab.becomes('weight is not 7', [...connect([1, 7], [2, 1]), ...negotiate([1, 1], [2, 4])]);
    assert.ok(lab.connections() >= counted, 'services were not made anew');
  });

  test('when none answers the fallback takes over, until one does', async () => {
    await Promise.all([lab.stopServer(1), lab.stopServer(2)]);
    await lab.becomes('no fallback', [...connect([1, 0], [2, 0], [3, 1]), ...negotiate([4, 1])]);
    assert.equal(lab.ask(), 'server3');
    assert.equal(lab.ask(8080), 'server4');
    await lab.startServer(2);
    await lab.becomes('the fallback is still there', [...connect([1, 0], [2, 1]), ...negotiate([2, 4])]);
  });

  test('at its end it removes what it added', async () => {
    await lab.stop();
    assert.deepEqual(lab.listing(), []);
    // nothing that the program was not told
    assert.equal(existsSync(lab.log), false);
  });
});
