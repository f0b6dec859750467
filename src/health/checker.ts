/** What every kind of health check has in common. */

/** Whom to ask. */
export interface Target {
  /** IPv4 or IPv6 address. */
  readonly address: string;
  readonly port: number;
  /** Where the connection is to come from; any address and port of this host when absent. */
  readonly local?: { readonly address: string; readonly port: number };
}

/**
 * Asks a server once. Resolves when it is well, with the share of its weight that it asks for (0 to 100, percent) if it says; rejects with the reason when it
 * is not. When `signal` aborts, the check gives up and frees what it holds at once.
 */
export type Checker<Spec> = (target: Target, spec: Spec, signal: AbortSignal) => Promise<number | undefined>;

/** The most that an answer may have, bytes. */
export const MOST_ANSWER = 256 * 1024;

/** What of an answer is wanted: some text in it, or a regular expression that it matches. */
export interface Expectation {
  readonly contains?: string;
  readonly matches?: string;
  /** Whether `matches` takes small letters for capital ones. */
  readonly ignoreCase?: boolean;
}

/** What is sent, if anything is: a text, or bytes as hexadecimal digits. */
export interface Message {
  readonly send?: string;
  readonly sendHex?: string;
}

/** The bytes of a message; undefined when there is none. */
export function messageBytes({ send, sendHex }: Message): Buffer | undefined {
  if (sendHex !== undefined) return Buffer.from(sendHex, 'hex');
  return send === undefined ? undefined : Buffer.from(send);
}

/** True when `text` is what was wanted; of nothing anything is. */
export function isExpected(text: string, { contains, matches, ignoreCase }: Expectation): boolean {
  return (
    (contains === undefined || text.includes(contains)) &&
    (matches === undefined || new RegExp(matches, ignoreCase ? 'si' : 's').test(text))
  );
}

/** A text for people: what was wanted. */
export function wanted({ contains, matches }: Expectation): string {
  return contains !== undefined ? JSON.stringify(contains) : `/${matches}/`;
}
