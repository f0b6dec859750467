import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NullHost } from '../../../bench/support/null-host.js';
import { destUser, serviceUser } from '../../../bench/support/rules.js';
import { assertInvariants } from '../../../test/support/invariants.js';
import { entryV1, FLAG, messageV1 } from '../../../test/support/sync-messages.js';
import { CONN_F_MASQ, IPPROTO_TCP } from '../flags.js';
import { Net } from '../net.js';
import { processMessage } from './backup.js';

class Wired extends NullHost {
  override interfaceMtu(): number {
    return 1500;
  }
}

describe('messages that no master sends', () => {
  it('a template with a port, then a connection of the same: nothing is counted twice', () => {
    const { ipvs } = new Net({ host: new Wired([]), random: () => 1, connLimit: 16 });
    const service = serviceUser(IPPROTO_TCP, '10.1.0.100', 80);
    ipvs.addService(service);
    ipvs.addDest(service, destUser('10.2.0.11', 80, CONN_F_MASQ));
    ipvs.startDaemon({ state: 'backup', interface: 'eth0', syncid: 7 });
    const ends = {
      client: ['10.1.0.10', 40_000],
      virtual: ['10.1.0.100', 80],
      dest: ['10.2.0.11', 80],
    } as const;
    processMessage(ipvs, messageV1([entryV1({ ...ends, flags: FLAG.TEMPLATE | FLAG.INACTIVE })]));
    processMessage(ipvs, messageV1([entryV1({ ...ends, flags: 0 })]));
    const [dest] = ipvs.findService(service)!.destinations;
    assert.deepEqual([dest!.persistconns, dest!.activeconns, dest!.totalconns], [1, 0, 0]);
    assertInvariants(ipvs);
  });
});
