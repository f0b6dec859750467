/** A command line that cannot be understood; the message names the flag or argument. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
