/** What programs see under `ipvsd exec`, by programs that every Debian has. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectDirector } from '../../src/control/client.js';
import { run } from '../e2e/namespaces.js';
import {
  IPVSD,
  ipvsd,
  type Started,
  startDaemon,
  stopDaemon,
  temporaryFolder,
  until,
} from '../support/daemon.js';
import { rootOnly } from '../support/require-root.js';
import { SupervisedShell } from './supervised-shell.js';

const PORT_ZERO = fileURLToPath(new URL('../../../test/exec/port-zero.c', import.meta.url));
const VS = '/proc/sys/net/ipv4/vs';

/** Options of IPVS in Perl, which has them in its core: 1154 adds a service, 1153 tells how many there are. */
const PERL_SOCKOPT = `
  socket(my $s, 2, 3, 255) or die "socket: $!\\n";
  my $service = pack("S x2 C4 n x2 L Z16 L L N", 6, 10, 1, 0, 200, 80, 0, "rr", 0, 0, 0xffffffff);
  setsockopt($s, 0, 1154, $service) or print "add: $!\\n";
  my $info = getsockopt($s, 0, 1152) or print "version: $!\\n";
  print unpack("Z*", $info), "\\n";
  setsockopt($s, 0, 1154, $service) or print "again: $!\\n";
  setsockopt($s, 0, 1156, $service) or print "delete: $!\\n";
`;

describe('a program under ipvsd exec', rootOnly('ipvsadm', 'perl', 'modprobe', 'sysctl', 'gcc'), () => {
  const folder = temporaryFolder();
  const socket = join(folder.path, 'ipvsd.sock');
  let daemon: Started;
  let shell: SupervisedShell;

  before(async () => {
    daemon = await startDaemon(socket);
    shell = new SupervisedShell(socket);
  });
  after(async () => {
    shell.close();
    await stopDaemon(daemon);
    folder.remove();
  });

  /** What a line of the shell prints; it must succeed. */
  const prints = async (line: string): Promise<string> => {
    const { rc, stdout, stderr } = await shell.script(line);
    assert.equal(rc, 0, `${line}: ${stderr}`);
    return stdout;
  };
  /** What a line of the shell complains of; it must fail. */
  const fails = async (line: string): Promise<string> => {
    const { rc, stderr } = await shell.script(line);
    assert.notEqual(rc, 0, line);
    return stderr.trim();
  };

  test('reads the files of /proc/net', async () => {
    await prints('ipvsadm -A -t 10.1.0.100:80 -s rr');
    for (const name of ['ip_vs', 'ip_vs_conn', 'ip_vs_conn_sync', 'ip_vs_stats', 'ip_vs_app']) {
      const { stdout } = await ipvsd(['proc', name, '--socket', socket]);
      assert.equal(await prints(`cat /proc/net/${name}`), stdout, name);
    }
    assert.equal(await prints('cat /proc/self/net/ip_vs /proc/$$/net/ip_vs | grep -c 0A010064:0050'), '2\n');
    assert.match(await fails('echo > /proc/net/ip_vs'), /Permission denied/);
    assert.match(await fails('cat /proc/net/ip_vs_nosuch'), /No such file/);
    await prints('ipvsadm -C');
  });

  test('reads and writes sysctls, and is told of values that are wrong', async () => {
    assert.equal(await prints(`cat ${VS}/expire_nodest_conn`), '0\n');
    assert.equal(
      await prints('sysctl -w net.ipv4.vs.expire_nodest_conn=1'),
      'net.ipv4.vs.expire_nodest_conn = 1\n',
    );
    assert.equal(await prints('sysctl -n net.ipv4.vs.expire_nodest_conn'), '1\n');
    assert.match(await fails('sysctl -w net.ipv4.vs.sync_version=2'), /Invalid argument/);
    assert.equal(await prints(`printf '5 60\\n' | tee ${VS}/sync_threshold`), '5 60\n');
    assert.equal(await prints(`cat ${VS}/sync_threshold`), '5\t60\n');
    assert.match(await fails(`cat ${VS}/nosuch`), /No such file/);
    assert.match(await fails(`echo 1 > ${VS}/nosuch`), /cannot create|No such file/i);
  });

  test('has set a sysctl by a redirection before it does anything else', async () => {
    for (const value of [1, 0, 1, 0]) {
      assert.equal(
        await prints(`echo ${value} > ${VS}/expire_nodest_conn; cat ${VS}/expire_nodest_conn`),
        `${value}\n`,
      );
    }
  });

  test('finds the files there', async () => {
    assert.match(await prints('stat -c "%F %a %u" /proc/net/ip_vs'), /^regular.* file 444 0$/m);
    assert.match(await prints(`stat -c "%F %a" ${VS} ${VS}/conntrack`), /^directory 555\nregular.* 644$/m);
    await prints(
      `test -r /proc/net/ip_vs && test -f ${VS}/conntrack && test -w ${VS}/conntrack && test -d ${VS}`,
    );
    await fails(`test -e ${VS}/nosuch`);
    await fails('test -x /proc/net/ip_vs');
    assert.equal(await prints(`realpath -e ${VS}/conntrack`), `${VS}/conntrack\n`);
  });

  test('may load modules of IPVS, which does nothing, and no others', async () => {
    await prints('modprobe ip_vs && modprobe -q -a ip_vs_rr ip_vs_wlc && /sbin/modprobe -- ip_vs');
    await fails('modprobe nosuchmodule');
    await fails('modprobe ip_vs nosuchmodule');
  });

  test('uses the socket options', async () => {
    const { rc, stdout, stderr } = await shell.run(['perl', '-e', PERL_SOCKOPT]);
    assert.equal(stderr, '');
    assert.equal(stdout, 'IP Virtual Server version 1.2.1 (size=4096)\nagain: File exists\n');
    assert.equal(rc, 0);
  });

  test('may do nothing of it without CAP_NET_ADMIN', async () => {
    const asNobody = (script: string): string => `perl -e '$< = $> = 65534; ${script}'`;
    assert.match(await fails(asNobody('exec "ipvsadm", "-L", "-n"')), /you must be root/);
    assert.match(await fails(asNobody(`exec "sh", "-c", "echo 1 > ${VS}/conntrack"`)), /Permission denied/);
    assert.equal(await prints(asNobody(`exec "cat", "${VS}/conntrack"`)), '0\n');
  });

  test('reads a dump that is larger than its buffer', async () => {
    const director = connectDirector({ socket });
    const services = Array.from({ length: 2000 }, (_, i) => ({
      command: 'service.add' as const,
      args: {
        service: {
          protocol: 'udp' as const,
          address: '10.9.0.1',
          port: i + 1,
          scheduler: 'rr',
          flags: [],
          timeout: 0,
          netmask: '255.255.255.255',
        },
      },
    }));
    assert.equal((await director.batch(services)).error, undefined);
    const listed = (await prints('ipvsadm -L -n')).match(/^UDP {2}10\.9\.0\.1:\d+ rr$/gm) ?? [];
    assert.equal(new Set(listed).size, services.length);
    await director.execute('flush', {});
    director.close();
  });

  test('gets answers from port 0 when it is one that insists, and those of other families', async () => {
    const program = join(folder.path, 'port-zero');
    run(`gcc -o ${program} ${PORT_ZERO}`);
    assert.deepEqual((await prints(program)).trim().split('\n'), [
      'recvfrom: type 16 from 0, address of 12',
      'recvmsg: type 16 from 0, address of 12, flags 0, nlctrl',
      'peek: 1',
      'short: 1',
      'nothing: -1',
      'nothing in time: -1',
    ]);
  });

  test('waits for a daemon that is started again', async () => {
    await stopDaemon(daemon);
    const listed = prints('ipvsadm -L -n');
    await new Promise((resolve) => setTimeout(resolve, 300));
    daemon = await startDaemon(socket);
    assert.match(await listed, /^IP Virtual Server/);
  });

  test('is this process, with its number, its exit code and its signals', async () => {
    const child = spawn(
      process.execPath,
      [IPVSD, 'exec', '-S', socket, '--', 'sh', '-c', 'echo $$; sleep 60; :'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    child.stdout.once('data', () => child.kill('SIGTERM'));
    const ended = once(child, 'close');
    assert.equal(await text(child.stdout), `${child.pid}\n`);
    assert.deepEqual(await ended, [null, 'SIGTERM']);
    assert.equal((await ipvsd(['exec', '-S', socket, '--', 'sh', '-c', 'exit 7'])).code, 7);
    assert.equal((await ipvsd(['exec', '-S', socket, 'nosuchprogram'])).code, 127);
    assert.equal((await ipvsd(['exec', '-S', socket, '/etc/passwd'])).code, 126);
    assert.equal((await ipvsd(['exec', '-S', join(folder.path, 'nosuch'), '--', 'true'])).code, 6);
  });

  test('sees the network namespace of the daemon that was named', async () => {
    const { code, stderr } = await ipvsd(['exec', '-S', socket, '--netns', 'nosuch', '--', 'ipvsadm', '-L']);
    assert.notEqual(code, 0);
    assert.match(stderr, /nosuch/);
  });

  test('leaves what it started under supervision, and then nothing', async () => {
    const done = join(folder.path, 'done');
    const own = join(folder.path, 'own.sock');
    const daemon = await startDaemon(own);
    const { code, stdout } = await ipvsd([
      ...['exec', '-S', own, '--', 'sh', '-c'],
      `(sleep 1; ipvsadm -L -n > ${done}) > /dev/null 2>&1 & ipvsadm -L -n | head -1`,
    ]);
    assert.equal(code, 0);
    assert.match(stdout, /^IP Virtual Server/);
    assert.equal(supervisorsOf(own), 1);
    await until(
      () => existsSync(done) && readFileSync(done, 'utf8').startsWith('IP Virtual'),
      'the child asks',
    );
    await until(() => supervisorsOf(own) === 0, 'the supervisor ends');
    unlinkSync(done);
    await stopDaemon(daemon);
  });
});

/** How many processes supervise programs of the daemon at `socket`. */
function supervisorsOf(socket: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.some((word) => word.endsWith('/supervisor-main.js')) && words.includes(socket);
    } catch {
      return false;
    }
  }).length;
}
