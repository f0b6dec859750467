/** For tests that need root, namespaces or programs: skipped with a reason where these are missing, but never in CI. */
import { skipReason } from '../e2e/namespaces.js';

/**
 * Options for `test` or `describe` that need root, network namespaces and TUN devices.
 * @param programs further programs that the test runs, e.g. `curl`.
 * @returns `{}` where all is there, else `{ skip: reason }`.
 * @throws in CI (`CI=true`), where such a test must run.
 */
export function rootOnly(...programs: string[]): { skip?: string } {
  const reason = skipReason(...programs);
  if (reason === false) return {};
  if (process.env.CI === 'true') throw new Error(`this test must not be skipped in CI: ${reason}`);
  return { skip: reason };
}
