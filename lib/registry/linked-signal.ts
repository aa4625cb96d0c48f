import { setMaxListeners } from 'node:events';

/** A controller whose signal many wait for: Node warns of a leak from the eleventh listener on, which here is a watch like any other. */
export function sharedController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/**
 * A signal that aborts with the first of its sources, and lets go of them by `unlink`. AbortSignal.any has no way to let go: with a source that
 * lives as long as the app, each use would leave something behind.
 */
export function linkSignals(...sources: readonly (AbortSignal | undefined)[]): { signal: AbortSignal; unlink: () => void } {
  const own = sharedController();
  const given = sources.filter((source) => source !== undefined);
  const onAbort = (event: Event) => own.abort((event.target as AbortSignal).reason);
  for (const source of given) {
    if (source.aborted) own.abort(source.reason);
    source.addEventListener('abort', onAbort, { once: true });
  }
  return {
    signal: own.signal,
    unlink: () => {
      for (const source of given) source.removeEventListener('abort', onAbort);
    },
  };
}
