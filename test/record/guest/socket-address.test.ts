import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hex } from '../../support/bytes.js';
import { fromSockaddr, toSockaddr } from './socket-address.js';

describe('socket addresses', () => {
  it('have the layout of struct sockaddr_in', () => {
    assert.equal(hex(toSockaddr({ addr: '10.1.0.100', port: 80 })), `020000500a010064${'00'.repeat(8)}`);
  });

  it('have the layout of struct sockaddr_in6', () => {
    const address = `fd00000100000000${'00'.repeat(7)}01`;
    assert.equal(hex(toSockaddr({ addr: 'fd00:1::1', port: 8080 })), `0a001f9000000000${address}00000000`);
  });

  it('come back as they went', () => {
    for (const endpoint of [
      { addr: '10.2.0.11', port: 65_535 },
      { addr: 'fd00:2::11', port: 1 },
    ]) {
      assert.deepEqual(fromSockaddr(toSockaddr(endpoint)), endpoint);
    }
  });

  it('are not made of names', () => {
    assert.throws(() => toSockaddr({ addr: 'localhost', port: 1 }));
  });
});
