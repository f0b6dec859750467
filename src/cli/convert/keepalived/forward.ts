/** `lvs_method` of keepalived: how packets are forwarded. */
import type { DestSpec, TunnelCsumName, TunnelTypeName } from '../../../control/command.js';

/** The part of a real server that it says. */
export type Forward = Pick<DestSpec, 'forward' | 'tunType' | 'tunPort' | 'tunCsum'>;

/** What keepalived does when nothing is said. */
export const DEFAULT_FORWARD: Forward = { forward: 'masq' };

/** `NAT`, `DR`, or `TUN [type {ipip|gue port NUM|gre} [nocsum|csum|remcsum]]`; undefined when it is none of them. */
export function parseForward([method = '', ...words]: readonly string[]): Forward | undefined {
  switch (method.toUpperCase()) {
    case 'NAT':
      return { forward: 'masq' };
    case 'DR':
      return { forward: 'route' };
    case 'TUN':
      return parseTunnel(words);
    default:
      return undefined;
  }
}

function parseTunnel(words: readonly string[]): Forward | undefined {
  let tunType: TunnelTypeName = 'ipip';
  let tunPort = 0;
  let tunCsum: TunnelCsumName = 'nocsum';
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === 'type' && /^(ipip|gue|gre)$/.test(words[i + 1] ?? ''))
      tunType = words[++i] as TunnelTypeName;
    else if (word === 'port' && /^\d+$/.test(words[i + 1] ?? '')) tunPort = Number(words[++i]);
    else if (/^(nocsum|csum|remcsum)$/.test(word)) tunCsum = word as TunnelCsumName;
    else return undefined;
  }
  return { forward: 'tunnel', tunType, tunPort, tunCsum };
}
