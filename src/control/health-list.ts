/** The health of services, of whatever director. */
import { IpvsError } from '../errors.js';
import type { Director } from './command.js';
import type { HealthEntry } from './health-fields.js';

/** The services whose health is checked; none where nobody checks any, as with a director that is no daemon's. */
export async function healthList(director: Director): Promise<HealthEntry[]> {
  try {
    return await director.execute('health.list', {});
  } catch (error) {
    if (error instanceof IpvsError && error.code === 'NOT_SUPPORTED') return [];
    throw error;
  }
}
