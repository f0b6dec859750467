/** Ending by signal. */

/**
 * A signal that is aborted by the first SIGTERM or SIGINT. The second one ends the process at once, for when cleaning up
 * does not come to an end.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return controller.signal;
}

/** Calls `listener` at each SIGHUP, which otherwise would end the process. @returns ends that */
export function onHangup(listener: () => void): () => void {
  process.on('SIGHUP', listener);
  return () => process.off('SIGHUP', listener);
}
