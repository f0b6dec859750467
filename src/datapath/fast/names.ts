/** What can carry established connections: the kernel, by tc, where it can (`auto`) or must (`tc`); or nothing but the engine. */
export const FAST_PATHS = ['auto', 'tc', 'none'] as const;
export type FastPathName = (typeof FAST_PATHS)[number];
