/** What is noted of how servers answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NullHost } from '../../bench/support/null-host.js';
import { destUser, serviceUser } from '../../bench/support/rules.js';
import { packetOf } from '../../test/support/packet-of.js';
import { ACK, FIN, RST, SYN, tcp } from '../../test/support/packets.js';
import { CONN_F_DROUTE, CONN_F_MASQ, IPPROTO_TCP } from './flags.js';
import { Net } from './net.js';
import { NF_INET_FORWARD, NF_INET_LOCAL_IN } from './verdict.js';

const [CLIENT, VIP, SERVER] = ['10.1.0.1', '10.1.0.100', '10.2.0.1'];

/** A service with one server. @param method how packets get to it */
function world(method: number) {
  const net = new Net({ host: new NullHost([VIP]), random: () => 1, connLimit: 256 });
  const service = serviceUser(IPPROTO_TCP, VIP, 80);
  net.ipvs.addService(service);
  net.ipvs.addDest(service, destUser(SERVER, 80, method));
  const [dest] = net.ipvs.findService(service)!.destinations;
  const receive = (bytes: Uint8Array, hook: number) => {
    const packet = packetOf(bytes);
    packet.ifindex = 2;
    net.receive(packet, hook);
  };
  return {
    client: (port: number, flags: number) => receive(tcp(CLIENT, port, VIP, 80, flags), NF_INET_LOCAL_IN),
    server: (port: number, flags: number) => receive(tcp(SERVER, 80, CLIENT, port, flags), NF_INET_FORWARD),
    counts: () => [dest!.answered, dest!.unanswered],
  };
}

test('a connection that becomes established was answered, once', () => {
  for (const method of [CONN_F_MASQ, CONN_F_DROUTE]) {
    const { client, server, counts } = world(method);
    client(1000, SYN);
    if (method === CONN_F_MASQ) server(1000, SYN | ACK);
    assert.deepEqual(counts(), [0, 0]);
    client(1000, ACK);
    client(1000, ACK);
    client(1000, FIN | ACK);
    client(1000, RST);
    assert.deepEqual(counts(), [1, 0]);
  }
});

test('a SYN that is repeated was not answered, each time', () => {
  const { client, counts } = world(CONN_F_DROUTE);
  for (let i = 0; i < 3; i++) client(1000, SYN);
  assert.deepEqual(counts(), [0, 2]);
});

test('a connection that the server refuses was not answered; one that it resets later was', () => {
  const { client, server, counts } = world(CONN_F_MASQ);
  client(1000, SYN);
  server(1000, RST | ACK);
  assert.deepEqual(counts(), [0, 1]);
  client(1001, SYN);
  server(1001, SYN | ACK);
  client(1001, ACK);
  server(1001, RST);
  assert.deepEqual(counts(), [1, 1]);
});

test('a client that gives up says nothing of its server', () => {
  const { client, counts } = world(CONN_F_MASQ);
  client(1000, SYN);
  client(1000, RST);
  assert.deepEqual(counts(), [0, 0]);
});
