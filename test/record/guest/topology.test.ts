import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { standardTopology } from '../../../src/datapath/scenario/topology.js';
import { directorCommands } from './topology.js';

describe('directorCommands', () => {
  const lines = directorCommands(standardTopology(), '/far');

  it('make each interface with its other end far away', () => {
    assert.ok(
      lines.includes('link add c0 address 02:00:00:00:00:01 mtu 1500 type veth peer name f-c0 netns /far'),
    );
    assert.ok(lines.includes('link set s0 up'));
  });

  it('give addresses, usable at once', () => {
    assert.ok(lines.includes('addr add 10.1.0.1/24 dev c0'));
    assert.ok(lines.includes('addr add fd00:1::1/64 dev c0 nodad'));
    assert.ok(lines.includes('addr add 10.1.0.100/32 dev lo'));
    assert.ok(lines.includes('addr add fd00:1::110/128 dev lo'));
  });

  it('name every neighbour, and routes after the addresses they need', () => {
    assert.ok(lines.includes('neigh add 10.2.0.11 lladdr 02:02:00:00:00:01 nud permanent dev s0'));
    assert.equal(lines.at(-1), 'route add ::/0 via fd00:2::fe');
  });
});
