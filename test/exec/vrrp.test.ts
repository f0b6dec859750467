/** keepalived whole: VRRP, checkers and the synchronisation daemon that it starts and stops with its state. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../demo/lab.js';
import { rootOnly } from '../support/require-root.js';
import { DirectorLab, server } from './director-lab.js';

const VIP = '10.1.0.200';

describe('keepalived with VRRP under ipvsd exec', rootOnly('keepalived', 'curl', 'sysctl'), () => {
  const lab = new DirectorLab();
  const configuration = `
global_defs {
  script_user root
  lvs_sync_daemon c0 VI id 77
}
vrrp_instance VI {
  state BACKUP
  interface c0
  virtual_router_id 7
  priority 100
  advert_int 1
  virtual_ipaddress {
    ${VIP}/32
  }
}
virtual_server ${VIP} 80 {
  delay_loop 1
  lvs_sched rr
  lvs_method NAT
  protocol TCP
  real_server ${server(1)} 80 {
    TCP_CHECK {
      connect_timeout 1
    }
  }
}
`;

  before(() => lab.open(1));
  after(() => lab.close());

  test('becomes master: takes the address, serves it, and sends what it knows to its backup', async () => {
    const at = (name: string): string => join(lab.folder, name);
    lab.start(
      ...[
        'keepalived',
        '--dont-fork',
        '--no-syslog',
        '--use-file',
        lab.write('keepalived.conf', configuration),
      ],
      ...['--pid', at('pid'), '--checkers_pid', at('checkers.pid'), '--vrrp_pid', at('vrrp.pid')],
    );
    await eventually('no sync daemon', 15, () =>
      assert.match(lab.ipvsadm('-L --daemon'), /^master sync daemon \(mcast=c0, syncid=77/m),
    );
    assert.match(lab.net.ip('director', 'addr show dev c0'), new RegExp(`inet ${VIP}/32`));
    lab.net.ip('client', `route add ${VIP}/32 via 10.1.0.1`);
    await eventually('no answer', 10, () => assert.equal(lab.ask(80, VIP), 'server1'));
  });

  test('at its end it leaves nothing', async () => {
    assert.equal(await lab.stop(), 0);
    assert.deepEqual(lab.listing(), []);
    assert.equal(lab.ipvsadm('-L --daemon'), '');
    assert.doesNotMatch(lab.net.ip('director', 'addr show dev c0'), new RegExp(VIP));
    assert.equal(existsSync(lab.log), false);
  });
});
