/** The routing rules that steer, kept in the kernel as the services change. */
import { EEXIST, ENOENT, SystemError } from '../../linux/errno.js';
import type { NetlinkSocket } from '../../linux/netlink.js';
import { addRule, deleteRule, type Rule } from '../../linux/rt-rule.js';
import { diffRules } from './rule-diff.js';

/** Applies one set of rules after the other, touching only what differs. */
export class SteeringTable {
  readonly #socket: NetlinkSocket;
  #rules: Rule[] = [];

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Makes `rules` the ones in the kernel. What was done of a change that fails is known at the next call. */
  apply(rules: readonly Rule[]): void {
    const { add, remove } = diffRules(this.#rules, rules);
    for (const rule of add) {
      ignoring(EEXIST, () => addRule(this.#socket, rule));
      this.#rules.push(rule);
    }
    for (const rule of remove) {
      ignoring(ENOENT, () => deleteRule(this.#socket, rule));
      this.#rules.splice(this.#rules.indexOf(rule), 1);
    }
  }
}

/** Somebody else may have done it already. */
function ignoring(errno: number, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof SystemError && error.number === errno)) throw error;
  }
}
