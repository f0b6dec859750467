/** The kernel's schedulers keep what every scheduler owes the engine. */
import { describeCompliance } from '../../../test/support/scheduler-compliance.js';
import { builtinSchedulers } from './registry.js';

/** The others hold that a client, or a full dest, has to wait. */
const ALWAYS_FIND = ['rr', 'wrr', 'lc', 'wlc', 'sed', 'nq', 'fo', 'twos', 'lblc', 'lblcr'];

for (const scheduler of builtinSchedulers()) {
  describeCompliance(scheduler, ALWAYS_FIND.includes(scheduler.name));
}
