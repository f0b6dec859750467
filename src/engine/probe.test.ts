/** Connections of health checks: where they go, and what does not notice them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NullHost } from '../../bench/support/null-host.js';
import { destUser, serviceUser } from '../../bench/support/rules.js';
import { packetOf } from '../../test/support/packet-of.js';
import { RST, SYN, tcp } from '../../test/support/packets.js';
import { CONN_F_DROUTE, IPPROTO_TCP, SVC_F_PERSISTENT } from './flags.js';
import { Net } from './net.js';
import { addProbe, removeProbe } from './probe.js';
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from './verdict.js';

const VIP = '10.1.0.100';
const OWN = '10.2.0.254';
const [S1, S2] = ['10.2.0.1', '10.2.0.2'];
const server = (address: string) => destUser(address, 80, CONN_F_DROUTE);

/** A persistent service with one real server, S1, and a check of S2 from port 20000. */
function world() {
  const net = new Net({ host: new NullHost([OWN, VIP]), random: () => 1, connLimit: 256 });
  const { ipvs } = net;
  const service = serviceUser(IPPROTO_TCP, VIP, 80, { flags: SVC_F_PERSISTENT, timeout: 300 });
  ipvs.addService(service);
  ipvs.addDest(service, server(S1));
  addProbe(ipvs, service, 20_000, server(S2));
  const send = (from: string, port: number, flags = SYN) => {
    const packet = packetOf(tcp(from, port, VIP, 80, flags));
    packet.ifindex = from === OWN ? 0 : 2;
    net.receive(packet, from === OWN ? NF_INET_LOCAL_OUT : NF_INET_LOCAL_IN);
  };
  const conns = () =>
    ipvs.listConns(0, 100).entries.map((c) => `${c.clientAddress}:${c.clientPort} ${c.destAddress}`);
  return { net, ipvs, service, send, conns };
}

describe('a connection of a health check', () => {
  test('goes to its server, which the service need not have; no template is made', () => {
    const { send, conns } = world();
    send(OWN, 20_000);
    assert.deepEqual(conns(), [`${OWN}:20000 ${S2}`]);
  });

  test('is known by its port and by coming from this host', () => {
    const { send, conns } = world();
    send(OWN, 20_001);
    send('10.1.0.1', 20_000);
    assert.ok(conns().every((line) => line.endsWith(S1)));
  });

  test('is counted in the total alone', () => {
    const { ipvs, service, send } = world();
    send(OWN, 20_000);
    const svc = ipvs.findService(service)!;
    assert.deepEqual([svc.stats.conns, svc.stats.inpkts, svc.destinations[0]!.totalconns], [0, 0, 0]);
    assert.equal(ipvs.totStats.inpkts, 1);
  });

  test('may begin again from its port', () => {
    const { ipvs, send, conns } = world();
    for (const flags of [SYN, RST, SYN, RST, SYN]) send(OWN, 20_000, flags);
    assert.deepEqual(conns(), [`${OWN}:20000 ${S2}`]);
    assert.equal(ipvs.totStats.inpkts, 5);
  });

  test('is scheduled as any other when there is no check any more', () => {
    const { net, ipvs, service, send, conns } = world();
    removeProbe(ipvs, service, 20_000);
    send(OWN, 20_000);
    assert.ok(conns().every((line) => line.endsWith(S1)));
    // nor is the check's server found again when it is added as one of the service's
    addProbe(ipvs, service, 20_000, server(S2));
    removeProbe(ipvs, service, 20_000);
    ipvs.addDest(service, server(S2));
    assert.equal(ipvs.findService(service)!.destinations[0]!.probe, false);
    // and its number is free again
    net.advance(400_000);
    assert.equal(ipvs.destTrash.size, 0);
  });

  test('goes nowhere when its service has gone', () => {
    const { ipvs, service, send, conns } = world();
    ipvs.delService(service);
    send(OWN, 20_000);
    assert.deepEqual(conns(), []);
    assert.throws(() => addProbe(ipvs, service, 20_000, server(S2)), { code: 'SERVICE_NOT_FOUND' });
    removeProbe(ipvs, service, 20_000);
  });
});
