/** Statements of virtual servers that a configuration has nothing for, by what they are about. */
import type { Note } from '../note.js';
import type { Statement } from './statements.js';

const CHECKER = 'there is no such health check: the others alone decide';
const WAITS = 'failed checks are repeated at their interval, and begin at a random moment';
const DETAIL = 'of a health check this is not carried over';
const SCRIPT = 'notifications are not carried over';

/** Why a statement is left out, by its first word. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  ...reasons(CHECKER, ['BFD_CHECK', 'FILE_CHECK', 'SMTP_CHECK']),
  ...reasons(WAITS, ['delay_before_retry', 'warmup']),
  ...reasons(DETAIL, [
    'bind_if',
    'bind_port',
    'bindto',
    'connect_ip',
    'digest',
    'fast_recovery',
    'fwmark',
    'http_protocol',
    'max_reply_length',
    'min_reply_length',
    'misc_dynamic',
    'payload',
    'regex_max_offset',
    'regex_min_offset',
    'regex_no_match',
    'regex_options',
    'regex_stack',
    'user',
  ]),
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
