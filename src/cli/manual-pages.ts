/** The manual pages of the package. */
import type { Command } from 'commander';
import { USAGE } from './ipvsadm/usage.js';
import { EXIT_CODES } from './ipvsd.js';
import { manPage } from './man-page.js';
import { ipvsadmOutline, outlineOf } from './program-outline.js';
import { packageVersion } from './version.js';

const FILES = `/run/ipvsd/ipvsd.sock   the socket of the API
/run/ipvsd/             what a daemon that is killed has left to be undone`;
const ENVIRONMENT = `IPVSD_SOCKET   the socket to use when no option names one, or a URL such as https://director:9118
IPVSD_TOKEN    the token to show to a daemon behind a URL`;

/** The pages by name. @param program `ipvsd` with its commands. */
export function manualPages(program: Command): ReadonlyMap<string, string> {
  const version = packageVersion();
  return new Map([
    [
      'ipvsd',
      manPage(outlineOf(program), {
        version,
        sections: [
          ['EXIT STATUS', EXIT_CODES.trim().split('\n').slice(1).join('\n')],
          ['FILES', FILES],
          ['ENVIRONMENT', ENVIRONMENT],
        ],
        seeAlso: ['ipvsadm(8)'],
      }),
    ],
    [
      'ipvsadm',
      manPage(ipvsadmOutline(), {
        version,
        sections: [
          ['USAGE', USAGE.split('\n').slice(1).join('\n')],
          ['ENVIRONMENT', ENVIRONMENT],
        ],
        seeAlso: ['ipvsd(8)'],
      }),
    ],
  ]);
}
