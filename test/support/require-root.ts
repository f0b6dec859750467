/** For tests that need root, namespaces or programs: skipped with a reason where these are missing, but never in CI. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

/**
 * Options for `test` or `describe` that need root, network namespaces and TUN devices.
 * @param programs further programs that the test runs, e.g. `curl`.
 * @returns `{}` where all is there, else `{ skip: reason }`.
 * @throws in CI (`CI=true`), where such a test must run.
 */
export function rootOnly(...programs: string[]): { skip?: string } {
  const reason = whatIsMissing(['ip', ...programs]);
  if (reason === undefined) return {};
  if (process.env.CI === 'true') throw new Error(`this test must not be skipped in CI: ${reason}`);
  return { skip: reason };
}

function whatIsMissing(programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return 'needs /dev/net/tun';
  }
  const missing = programs.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return missing.length === 0 ? undefined : `needs ${missing.join(', ')}`;
}
