/** The files that a kernel with IPVS has. */

/** What a path means. */
export type VirtualPath =
  | { readonly kind: 'proc'; readonly name: string }
  | { readonly kind: 'sysctl'; readonly name: string }
  | { readonly kind: 'sysctl-folder' };

const PROC =
  /^\/proc\/(?:(?:self|thread-self|\d+)\/)?net\/(ip_vs(?:_conn|_conn_sync|_stats|_stats_percpu|_app)?)$/;
const SYSCTL = /^\/proc\/sys\/net\/ipv4\/vs(?:\/([a-z0-9_]{1,64}))?\/?$/;

/** Bytes that a path of ours has at most, with its end. */
export const LONGEST_PATH = 112;

/** What `path` means, when it is one of ours. Paths that are not absolute never are. */
export function virtualPath(path: string): VirtualPath | undefined {
  const plain = path.replace(/\/{2,}/g, '/');
  const file = PROC.exec(plain)?.[1];
  if (file !== undefined) return { kind: 'proc', name: file };
  const sysctl = SYSCTL.exec(plain);
  if (sysctl === null) return undefined;
  return sysctl[1] === undefined ? { kind: 'sysctl-folder' } : { kind: 'sysctl', name: sysctl[1] };
}
