/**
 * Descriptors that the supervisor gives out have numbers of their own, so that a filter can tell calls on them from calls on any other. They lie below
 * 1024, where select(2) still sees them, and where the usual limit of open files allows them.
 */

/** First number. */
export const FD_BASE = 960;
/** From here on, reading comes to the supervisor as well. */
export const FD_RECEIVE = 1008;
/** First number beyond. */
export const FD_END = 1024;
