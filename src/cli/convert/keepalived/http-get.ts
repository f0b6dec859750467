/** `HTTP_GET` and `SSL_GET` as checks: one for each of their URLs. */
import type { Note } from '../note.js';
import { type Fields, type Source, take, valuesOf } from './checker-source.js';
import { leaveOut } from './left-out.js';
import type { Statement } from './statements.js';

/** Options of PCRE that do not change what matches, or that are so with us. */
const HARMLESS = new Set([
  ...['auto_callout', 'dotall', 'never_ucp', 'never_utf', 'never_backslash_c', 'no_auto_possess'],
  ...['no_dotstar_anchor', 'no_start_optimize', 'use_offset_limit', 'utf'],
]);

/** A check for each `url`. */
export function readHttp(type: 'http' | 'https', source: Source): Fields[] {
  const urls: Statement[] = [];
  let sni = false;
  const { statement, timing, note } = source;
  const common = valuesOf(
    source,
    {},
    {
      url: (_, inner) => urls.push(inner),
      http_protocol([version], inner) {
        if (version !== '1.1') leaveOut(inner, note);
      },
      ...(type === 'https' && {
        enable_sni: () => {
          sni = true;
        },
      }),
    },
  );
  if (urls.length === 0) note(statement, `${statement.words[0]}: without a url nothing is asked`);
  return urls.map(({ block = [] }) => {
    const { host = timing.get('virtualhost'), ...own } = readUrl(block, note);
    return {
      type,
      ...common,
      ...own,
      ...(host !== undefined && { headers: { host } }),
      // keepalived takes any certificate
      ...(type === 'https' && { verify: false }),
      ...(sni && host !== undefined && { serverName: host.replace(/:\d+$/, '') }),
    };
  });
}

/** What a URL's block says; `host` is the name that is asked for. */
function readUrl(block: readonly Statement[], note: Note): Fields & { host?: string } {
  const out: Fields & { host?: string } = { path: '/', status: ['200-299'] };
  let regex: string | undefined;
  let wanted = true;
  take(block, note, {
    path: ([value]) => Object.assign(out, { path: value }),
    virtualhost: ([value]) => Object.assign(out, { host: value }),
    status_code: (codes) => Object.assign(out, { status: codes }),
    digest: ([value]) => Object.assign(out, { md5: value }),
    regex([value]) {
      regex = value;
    },
    regex_no_match() {
      wanted = false;
    },
    regex_options(options, statement) {
      if (options.includes('caseless')) out.ignoreCase = true;
      const others = options.filter((option) => option !== 'caseless' && !HARMLESS.has(option));
      if (others.length > 0) note(statement, `regex_options ${others.join(' ')}: there are no such options`);
    },
  });
  return {
    ...out,
    ...(regex !== undefined && { matches: wanted ? regex : `^(?!.*(?:${regex}))` }),
  };
}
