import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IpvsError } from '../../errors.js';
import { parseScenario } from './format.js';

const field = (json: unknown): string | undefined => {
  try {
    parseScenario(json, 'x');
  } catch (error) {
    assert.ok(error instanceof IpvsError);
    assert.equal(error.code, 'BAD_REQUEST');
    return error.field;
  }
  return undefined;
};

describe('parseScenario', () => {
  it('fills in what may be left out', () => {
    assert.deepEqual(parseScenario({}, 'x'), {
      name: 'x',
      sysctl: {},
      setup: [],
      listen: [],
      rules: [],
      events: [],
      linger: 0,
    });
  });

  it('names the field that is wrong', () => {
    assert.equal(field([]), 'the scenario');
    assert.equal(field({ rules: '-A' }), 'rules');
    assert.equal(field({ rules: ['-A', 1] }), 'rules[1]');
    assert.equal(field({ events: [{ at: 0 }] }), 'events[0]');
    assert.equal(field({ events: [{ at: 0, shell: 'x', dump: [] }] }), 'events[0]');
    assert.equal(field({ events: [{ at: -1, shell: 'x' }] }), 'events[0].at');
    assert.equal(field({ events: [{ at: 0, packet: '4500f' }] }), 'events[0].packet');
    assert.equal(field({ events: [{ at: 0, localsend: { addr: 'x' } }] }), 'events[0].localsend.port');
    assert.equal(field({ sysctl: { a: {} } }), 'sysctl.a');
    assert.equal(field({ topology: { interfaces: [{}] } }), 'topology.interfaces[0].name');
  });
});
