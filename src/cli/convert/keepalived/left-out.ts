/** Statements of virtual servers that a configuration has nothing for, by what they are about. */
import type { Note } from '../note.js';
import type { Statement } from './statements.js';

const HEALTH =
  'health checks are not carried over: the real servers are all in service, whatever their state';
const QUORUM = 'quorum and sorry servers depend on health checks, and are not carried over';
const SCRIPT = 'notifications are not carried over';

/** Why a statement is left out, by its first word. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  ...reasons(HEALTH, [
    'alpha',
    'connect_timeout',
    'delay_before_retry',
    'delay_loop',
    'ha_suspend',
    'inhibit_on_failure',
    'retry',
    'virtualhost',
    'warmup',
    'BFD_CHECK',
    'DNS_CHECK',
    'FILE_CHECK',
    'HTTP_GET',
    'MISC_CHECK',
    'PING_CHECK',
    'SMTP_CHECK',
    'SSL_GET',
    'TCP_CHECK',
    'UDP_CHECK',
  ]),
  ...reasons(QUORUM, [
    'hysteresis',
    'quorum',
    'sorry_server',
    'sorry_server_inhibit',
    'sorry_server_lvs_method',
  ]),
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
