import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COLUMNS, type Column } from './columns.js';
import { type Command, checkCommand, checkTunnel } from './rules.js';
import { Stop } from './stop.js';

/**
 * Legality by column, in the order of COLUMNS: `+` required, `o` optional, `1` one of these at most, `.` illegal.
 *
 *   n numeric, c connection, a service-address, s scheduler, p persistent, M netmask, r real-server, f forwarding-method, w weight,
 *   x u-threshold, y l-threshold, I mcast-interface, T timeout, D daemon, S stats, R rate, H thresholds, P persistent-conn, N nosort,
 *   i syncid, E exact, O ops, e pe, b sched-flags, G mcast-group, m mcast-port, t mcast-ttl, l sync-maxlen, U tun-info,
 *   1 tun-type, 2 tun-port, 3 tun-nocsum, 4 tun-csum, 5 tun-remcsum
 */
const TABLE: Readonly<Record<Command, string>> = {
  //               nc aspM rfwxy I TDSRHPN iE Oeb Gmtl U 12345
  'add-service': '.. +ooo ..... . ....... .. ooo .... . .....',
  'edit-service': '.. +ooo ..... . ....... .. ooo .... . .....',
  'delete-service': '.. +... ..... . ....... .. ... .... . .....',
  flush: '.. .... ..... . ....... .. ... .... . .....',
  set: '.. .... ..... . ....... .. ... .... . .....',
  restore: '.. .... ..... . ....... .. ... .... . .....',
  list: 'o1 1... ..... . 11ooooo oo ... .... o .....',
  'add-server': '.. +... +oooo . ....... .. ... .... . ooooo',
  'edit-server': '.. +... +oooo . ....... .. ... .... . ooooo',
  'delete-server': '.. +... +.... . ....... .. ... .... . .....',
  'start-daemon': '.. .... ..... o ....... o. ... oooo . .....',
  'stop-daemon': '.. .... ..... . ....... o. ... .... . .....',
  save: 'o. .... ..... . ....... .. ... .... . .....',
  zero: '.. o... ..... . ....... .. ... .... . .....',
};

function messageOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (stop) {
    assert.ok(stop instanceof Stop);
    assert.equal(stop.status, 2);
    return stop.message;
  }
}

for (const [command, row] of Object.entries(TABLE) as [Command, string][]) {
  describe(`${command}: ${row}`, () => {
    const cells = [...row.replaceAll(' ', '')];
    const required = COLUMNS.filter((_, i) => cells[i] === '+');
    const check = (given: Iterable<Column>) => messageOf(() => checkCommand(command, new Set(given)));

    test('has a cell for every column', () => assert.equal(cells.length, COLUMNS.length));

    test('takes what it requires', () => assert.equal(check(required), undefined));

    for (const [i, column] of COLUMNS.entries()) {
      const others = required.filter((name) => name !== column);
      switch (cells[i]) {
        case '+':
          test(`requires ${column}`, () => {
            assert.equal(
              check(others),
              `You need to supply the '${column}' option for the '${command}' command`,
            );
          });
          break;
        case '.':
          test(`refuses ${column}`, () => {
            assert.equal(
              check([...required, column]),
              `Illegal '${column}' option with the '${command}' command`,
            );
          });
          break;
        default:
          test(`takes ${column}`, () => assert.equal(check([...required, column]), undefined));
      }
      for (const other of COLUMNS.slice(0, i)) {
        if (cells[i] !== '1' || cells[COLUMNS.indexOf(other)] !== '1') continue;
        test(`refuses ${column} beside ${other}`, () => {
          const expected = `The option '${column}' conflicts with the '${other}' option in the '${command}' command`;
          assert.equal(check([column, other]), expected);
        });
      }
    }
  });
}

describe('tunnels', () => {
  const check = (type: 'ipip' | 'gue' | 'gre', ...given: Column[]) =>
    messageOf(() => checkTunnel(type, new Set(given)));

  test('ipip takes no options', () => {
    assert.equal(check('ipip'), undefined);
    for (const column of ['tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'] as const) {
      assert.equal(check('ipip', column), `Illegal '${column}' option with the 'ipip' tunnel type`);
    }
  });

  test('gue needs a port and takes one kind of checksum', () => {
    assert.equal(check('gue'), "You need to supply the 'tun-port' option for the 'gue' tunnel type");
    assert.equal(check('gue', 'tun-port'), undefined);
    assert.equal(check('gue', 'tun-port', 'tun-remcsum'), undefined);
    const conflict = "The option 'tun-remcsum' conflicts with the 'tun-csum' option in the 'gue' tunnel type";
    assert.equal(check('gue', 'tun-port', 'tun-remcsum', 'tun-csum'), conflict);
  });

  test('gre takes no port and no remote checksum', () => {
    assert.equal(check('gre', 'tun-csum'), undefined);
    assert.equal(check('gre', 'tun-port'), "Illegal 'tun-port' option with the 'gre' tunnel type");
    assert.equal(check('gre', 'tun-remcsum'), "Illegal 'tun-remcsum' option with the 'gre' tunnel type");
  });
});
