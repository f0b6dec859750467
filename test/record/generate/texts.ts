/** What ipvsadm and /proc say. */
import { SYN, tcp, udp } from '../../support/packets.js';
import type { ScenarioFile } from '../format.js';
import { Flow } from './flow.js';
import { client, vip } from './place.js';
import { Story } from './story.js';

/** Services of every kind. */
const RULES = [
  '-A -t 10.1.0.100:80 -s wlc',
  '-a -t 10.1.0.100:80 -r 10.2.0.11:8080 -m -w 5',
  '-a -t 10.1.0.100:80 -r 10.2.0.12 -g -x 100 -y 50',
  '-a -t 10.1.0.100:80 -r 10.2.0.13 -i',
  '-A -t 10.1.0.100:443 -s rr -p 600',
  '-a -t 10.1.0.100:443 -r 10.2.0.11:8443 -m -w 0',
  '-A -u 10.1.0.101:53 -s wrr -o',
  '-a -u 10.1.0.101:53 -r 10.2.0.19:53 -g -w 65535',
  '-A -u 10.1.0.101:0 -s sh -p -M 255.255.0.0',
  '-A -f 7 -s lc',
  '-a -f 7 -r 10.2.0.14 -i',
  '-A -t [fd00:1::100]:80 -s mh -b mh-port,mh-fallback',
  '-a -t [fd00:1::100]:80 -r [fd00:2::11]:8080 -m',
  '-a -t [fd00:1::100]:80 -r 10.2.0.11 -i',
  '-A -t [fd00:1::101]:443 -s rr -p 360 -M 64',
  '-A -f 9 -6 -s rr',
];

function traffic(story: Story): Story {
  story.send('client', new Flow(4, 5000).ask(SYN)).send('client', new Flow(6, 5000).ask(SYN));
  story
    .send('client', tcp(client(4), 5001, vip(4), 443, SYN))
    .send('client', udp(client(4), 5002, '10.1.0.101', 53));
  return story.wait(3);
}

/** Every form of the list. */
function lists(): ScenarioFile {
  const story = traffic(new Story('text_lists', 'every form of the list', RULES));
  return story
    .dump('ipvsadm', 'ipvsadm -L -n', 'ipvsadm -ln --sort', 'ipvsadm -Ln --nosort', 'ipvsadm -Ln --exact')
    .dump(
      'ipvsadm -Ln --stats',
      'ipvsadm -Ln --rate',
      'ipvsadm -Ln --thresholds',
      'ipvsadm -Ln --persistent-conn',
    )
    .dump(
      'ipvsadm -Ln --tun-info',
      'ipvsadm -L --timeout',
      'ipvsadm -L --daemon',
      'ipvsadm -Lnc',
      'ipvsadm -Lc --exact',
    )
    .dump(
      'ipvsadm -Ln -t 10.1.0.100:80',
      'ipvsadm -Ln -f 7',
      'ipvsadm -Ln -t 10.1.0.100:81',
      'ipvsadm -Ln --stats -u 10.1.0.101:53',
    )
    .dump('ipvsadm -S', 'ipvsadm -Sn', 'ipvsadm --save -n')
    .end();
}

/** The files below /proc/net. */
function proc(): ScenarioFile {
  const files = ['ip_vs', 'ip_vs_stats', 'ip_vs_stats_percpu', 'ip_vs_app', 'ip_vs_conn', 'ip_vs_conn_sync'];
  const rules = RULES.filter((rule) => rule.includes('10.1.0.100:80') || rule.includes('[fd00:1::100]:80'));
  return traffic(new Story('text_proc', 'the files below /proc/net', rules))
    .dump(...files.map((file) => `cat /proc/net/${file}`))
    .end();
}

/** Rules that are changed, and those that cannot be. */
function edits(): ScenarioFile {
  const story = new Story('text_edits', 'editing services and servers', RULES);
  const lines = [
    '-E -t 10.1.0.100:80 -s wrr -p 120',
    '-E -t 10.1.0.100:80 -s wrr',
    '-E -t 10.1.0.100:9999 -s wrr',
    '-E -f 7 -s rr -o',
    '-e -t 10.1.0.100:80 -r 10.2.0.11:8080 -m -w 7 -x 10',
    '-e -t 10.1.0.100:80 -r 10.2.0.11:8080 -g -w 7',
    '-e -t 10.1.0.100:80 -r 10.2.0.99 -g',
    '-e -t 10.1.0.100:80 -r 10.2.0.12 -g -x 5 -y 6',
    '-a -t 10.1.0.100:80 -r 10.2.0.12 -g',
    '-a -t [fd00:1::100]:80 -r 10.2.0.12 -m',
    '-a -t 10.1.0.100:80 -r 224.0.0.1 -m',
    '-a -t 10.1.0.100:80 -r 255.255.255.255 -m',
    '-a -t 10.1.0.100:80 -r 0.0.0.0 -m',
    '-a -t [fd00:1::100]:80 -r [ff02::1] -m',
    '-a -t [fd00:1::100]:80 -r [fe80::1] -m',
    '-a -t 10.1.0.100:80 -r 10.2.0.15 -i --tun-type gue --tun-port 6080',
    '-e -t 10.1.0.100:80 -r 10.2.0.15 -i --tun-type gre --tun-csum',
    '-A -t 10.1.0.100:80 -s rr',
    '-A -t 10.1.0.102:80 -s nosuch',
    '-A -t 10.1.0.102:80 --pe nosuch -s rr',
    '-d -t 10.1.0.100:80 -r 10.2.0.77',
    '-D -t 10.1.0.77:80',
    '-D -u 10.1.0.100:80',
    '-Z -t 10.1.0.77:80',
    '-Z -t 10.1.0.100:80',
    '--set 1 2 3',
    '--set -1 2 3',
    '--set 1 2',
    '--set 2678401 0 0',
  ];
  for (const line of lines) story.ipvsadm(line);
  return story.dump('ipvsadm -Ln', 'ipvsadm -L --timeout', 'ipvsadm -Ln --tun-info', 'ipvsadm -S -n').end();
}

/** Restoring from standard input, with lines that fail. */
function restore(): ScenarioFile {
  const story = new Story('text_restore', 'ipvsadm -R', []);
  story.ipvsadm('-R', `${RULES.join('\n')}\n`).dump('ipvsadm -Ln');
  story
    .ipvsadm('-R', '-A -t 10.1.0.105:80 -s rr\n\n# a comment\n-a -t 10.1.0.105:80 -r 10.2.0.11 -g\n')
    .dump('ipvsadm -Ln');
  story
    .ipvsadm('-R', '-A -t 10.1.0.106:80 -s rr\n-A -t 10.1.0.106:80 -s rr\n-A -t 10.1.0.107:80 -s rr\n')
    .dump('ipvsadm -Sn');
  story.ipvsadm('-R', '-A -t 10.1.0.108:80 -s\n-A -t 10.1.0.109:80 -s rr\n').dump('ipvsadm -Sn');
  return story.ipvsadm('-C').dump('ipvsadm', 'ipvsadm -S').end();
}

/** Numbers in all notations, too large, too small, too many, and none. */
function sysctls(): ScenarioFile {
  const story = new Story('text_sysctls', 'what sysctls take for a number', ['-A -t 10.1.0.100:80 -s lblc']);
  const path = (name: string): string => `cat /proc/sys/net/ipv4/vs/${name}`;
  const write = (name: string, values: readonly string[]): void => {
    for (const value of values) story.change({ [name]: value }).dump(path(name));
  };
  write('cache_bypass', [
    '010',
    '0x10',
    ' 1 ',
    '3 50',
    '-2147483648',
    '-1',
    '08',
    '+1',
    '1x',
    'abc',
    '2147483648',
  ]);
  write('drop_packet', ['3', '4', '-1', '0x2', '1 9']);
  write('sync_ports', ['8', '6', '0', '4 6', '256']);
  write('sync_threshold', ['4', '2 5 9', '5 2', '5 0', '-1 5', '0 0']);
  write('lblc_expiration', ['10', '-1', '21474836', '21474837']);
  write('sync_refresh_period', ['5', '2147483647']);
  return story.end();
}

/** What cat and sysctl say of files that are there and that are not. */
function files(): ScenarioFile {
  const vs = 'net.ipv4.vs';
  const at = '/proc/sys/net/ipv4/vs';
  return new Story('text_files', 'files of IPVS in /proc, and others that it does not have', [])
    .dump(
      'cat /proc/net/ip_vs_app /proc/net/ip_vs_none',
      `cat ${at}/none ${at}/drop_entry`,
      'cat /proc/sys/net/ipv4/ip_forward',
    )
    .dump(`sysctl ${vs}.none`, `sysctl -n ${vs}.none`, `sysctl -e ${vs}.none`, `sysctl -w ${vs}.none=1`)
    .dump(`sysctl ${vs}.am_droprate ${vs}.none ${vs}.amemthresh`, 'sysctl net.ipv4.ip_forward')
    .dump(`sysctl -w ${vs}.drop_entry=5`, `sysctl -w ${vs}.am_droprate=abc`)
    .dump(`sysctl -w ${vs}.drop_packet=2`, `sysctl -n ${vs}.drop_packet`)
    .dump(`sysctl -w ${vs}.sync_threshold="5 9"`, 'sysctl net/ipv4/vs/sync_threshold')
    .dump(`sysctl -q -w ${vs}.conn_reuse_mode=0x2`, `sysctl -n ${vs}.conn_reuse_mode`)
    .end();
}

export const TEXTS: readonly ScenarioFile[] = [lists(), proc(), edits(), restore(), sysctls(), files()];
