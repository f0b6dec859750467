/** Which removed server comes back when one is added: the oldest one that was the same server of the same service, as in the kernel's list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { destUser } from '../../bench/support/rules.js';
import { inet4 } from '../wire/inet.js';
import { Dest } from './dest.js';
import { DestTrash } from './dest-trash.js';
import { CONN_F_MASQ, IPPROTO_TCP, IPPROTO_UDP } from './flags.js';
import { Service } from './service.js';

const few = (...values: number[]) => fc.constantFrom(...values);
/** A service by address and port, or by a firewall mark, whatever its address and port then say. */
const services = fc
  .record({
    protocol: few(IPPROTO_TCP, IPPROTO_UDP),
    vip: few(1, 2),
    port: few(0, 80),
    fwmark: few(0, 0, 7, 80),
  })
  .map(({ vip, ...id }) => new Service({ ...id, family: 2, addr: inet4(vip) }));
const servers = fc
  .tuple(few(1, 2), few(0, 80, 81))
  .map(([host, port]) => destUser(`10.2.0.${host}`, port, CONN_F_MASQ));
const removed = fc
  .tuple(services, servers, fc.boolean())
  .map(([svc, { addr, port }, probe]) => Object.assign(new Dest(0, svc, addr, port), { probe }));

test('a server is found among those that were removed as by a walk through all of them', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(removed, fc.tuple(services, servers)), { maxLength: 60 }), (steps) => {
      const trash = new DestTrash();
      const list: Dest[] = [];
      for (const step of steps) {
        if (step instanceof Dest) {
          trash.add(step);
          list.push(step);
          continue;
        }
        const [svc, user] = step;
        const sameService = (d: Dest) =>
          d.protocol === svc.protocol &&
          d.vfwmark === svc.fwmark &&
          (svc.fwmark !== 0 || (d.vport === svc.port && d.vaddr.words[0] === svc.addr.words[0]));
        const expected = list.find(
          (d) => !d.probe && sameService(d) && d.port === user.port && d.addr.words[0] === user.addr.words[0],
        );
        assert.equal(trash.find(svc, user), expected);
        if (expected === undefined) continue;
        trash.delete(expected);
        list.splice(list.indexOf(expected), 1);
      }
      assert.deepEqual([...trash], list);
      assert.equal(trash.size, list.length);
    }),
  );
});
