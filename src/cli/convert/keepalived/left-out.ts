/** Statements of virtual servers that a configuration has nothing for, by what they are about. */
import type { Note } from '../note.js';
import type { Statement } from './statements.js';

const WAITS = 'failed checks are repeated at their interval, and begin at a random moment';
const LEAVES = 'checks leave from the address that the routing table says';
const SEARCHES = 'all of the answer is searched';
const NUMBER = 'not a number';
const SCRIPT = 'notifications are not carried over; "ipvsd events" tells of the same';

/** Why a statement is left out, by its first word. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  BFD_CHECK: 'there is no such health check: the others alone decide',
  FILE_CHECK: 'there are no weights from files: a check of type "agent" or "exec" can say how the server is',
  ...reasons(WAITS, ['delay_before_retry', 'warmup']),
  ...reasons(LEAVES, ['bind_if', 'bind_port', 'bindto']),
  ...reasons(SEARCHES, ['regex_max_offset', 'regex_min_offset']),
  connect_ip: "the real server's own address is asked",
  fwmark: 'packets of checks have no mark',
  http_protocol: 'servers are asked by HTTP/1.1',
  misc_dynamic:
    'the weight stays what it is, and status 1 alone is a failure; a check of type "agent" can ask for a weight',
  max_reply_length: NUMBER,
  min_reply_length: NUMBER,
  payload: 'not bytes in hexadecimal',
  user: "programs are run as the daemon's user",
  ha_suspend: 'servers are checked whether the virtual address is there or not',
  sorry_server: 'it depends on health checks, of which there are none',
  sorry_server_inhibit: 'a sorry server is removed when it is not needed',
  ...reasons(SCRIPT, ['notify_down', 'notify_up', 'omega', 'quorum_down', 'quorum_up', 'smtp_alert']),
  snmp_name: 'there is no SNMP here',
};

function reasons(reason: string, words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word, reason]));
}

/** Says why a statement is left out. */
export function leaveOut(statement: Statement, note: Note): void {
  const [word = ''] = statement.words;
  note(statement, `${statement.words.join(' ')}: ${LEFT_OUT[word] ?? 'not understood'}`);
}

/** Says that there are more words than the statement has a use for. */
export function leaveOutExtra(statement: Statement, used: number, note: Note): void {
  const extra = statement.words.slice(used).join(' ');
  if (extra !== '') note(statement, `${statement.words.join(' ')}: "${extra}" is left out`);
}
