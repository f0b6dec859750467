/**
 * What services and real servers can be told beyond what the kernel has words for. Plain data, and nothing of it is set by itself: without
 * it everything is as in the kernel.
 */

/** How what is left of a server's connections ends when the server goes: see drain.ts. */
export type DrainEnd = 'none' | 'rst' | 'icmp';

/** How a server goes. */
export interface DrainPolicy {
  /** Seconds that its connections have at most; 0 for as long as they take. */
  readonly deadline: number;
  readonly end: DrainEnd;
}

/** Labels by their names. */
export type Labels = Readonly<Record<string, string>>;

/** Options of a service. */
export interface ServiceOptions {
  readonly name?: string;
  readonly labels?: Labels;
  /** Seconds by state, as listings name them, in small letters; other states have the protocol's. */
  readonly timeouts?: Readonly<Record<string, number>>;
  /** A SYN whose client port has a connection that is ending is scheduled anew at once. */
  readonly reusePorts?: boolean;
  /** UDP connections of a server go with it, and when its weight becomes 0. */
  readonly clearUdp?: boolean;
  /** Segments are kept so short that they fit into the tunnel. */
  readonly clampMss?: boolean;
  /** How a server goes that a configuration no longer has. The engine itself has no use for it. */
  readonly drain?: DrainPolicy;
}

/** Options of a real server. */
export interface DestOptions {
  readonly name?: string;
  readonly labels?: Labels;
}

/** None is set: one object for all that have none. */
export const NO_OPTIONS: Readonly<Record<never, never>> = Object.freeze({});

/** What a command says of options. */
export interface OptionsUser<T> {
  readonly values: T;
  /** What is not among `values` gets its default, in place of staying as it is. */
  readonly replace: boolean;
}

/** The options after a command; those that say nothing are left out. */
export function changeOptions<T extends object>(old: T, user: OptionsUser<T> | undefined): T {
  if (user === undefined) return old;
  if (!user.replace && Object.keys(user.values).length === 0) return old;
  const all = user.replace ? Object.entries(user.values) : Object.entries({ ...old, ...user.values });
  const said = all.filter(([, value]) => !saysNothing(value));
  return (said.length === 0 ? NO_OPTIONS : Object.fromEntries(said)) as T;
}

/** True for a value that is as good as none. */
export function saysNothing(value: unknown): boolean {
  if (value === undefined || value === false) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
