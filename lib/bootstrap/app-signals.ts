import type { Logger } from '../common/logger.js';

/** What signals do to an app. */
export interface SignalTarget {
  readonly logger: Logger;
  /** Stops the app; resolves with the exit code. */
  stop(): Promise<number>;
  reload(): Promise<unknown>;
}

/**
 * Listens to signals for a main that asked for it, until the returned function is called. The first of `signals` stops the app and ends
 * the process, the second ends it at once; SIGHUP reads the config again.
 */
export function listenToSignals(signals: readonly NodeJS.Signals[], { logger, stop, reload }: SignalTarget): () => void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals, number: number): void => {
    if (stopping) process.exit(128 + number);
    stopping = true;
    logger.info(`${signal}: stopping`);
    void stop().then((code) => process.exit(code));
  };
  const onHangup = (): void => void reload().catch(() => {});
  for (const signal of signals) process.on(signal, onSignal);
  process.on('SIGHUP', onHangup);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
    process.off('SIGHUP', onHangup);
  };
}
