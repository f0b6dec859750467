/** What synchronisation daemons leave to the fast path. */
import type { NetnsIpvs } from '../../engine/netns-ipvs.js';
import { SYNC_STATE_BACKUP, SYNC_STATE_MASTER } from '../../engine/sync/daemon.js';

/** Connections may be carried: a master must see each packet itself, and with `backup_only` a backup is to leave clients alone. */
export function mayCarry({ syncState, sysctls }: NetnsIpvs): boolean {
  if ((syncState & SYNC_STATE_MASTER) !== 0) return false;
  return (syncState & SYNC_STATE_BACKUP) === 0 || sysctls.values.backup_only === 0;
}
