/** Netfilter's hooks and verdicts, with its numbers. */

/** The packet is for this host. */
export const NF_INET_LOCAL_IN = 1;
/** The packet passes through. */
export const NF_INET_FORWARD = 2;
/** The packet was made on this host. */
export const NF_INET_LOCAL_OUT = 3;

/** The packet ends here. */
export const NF_DROP = 0;
/** The packet, perhaps rewritten, goes on in the host's stack. */
export const NF_ACCEPT = 1;
/** The engine has sent it on or used it up. */
export const NF_STOLEN = 2;
