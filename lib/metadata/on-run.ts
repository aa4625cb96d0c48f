/**
 * A module with work of its own (mqant's Run).
 * @public
 */
export interface OnRun {
  /**
   * Called when the app serves; not awaited. If it fails, the app stops with that error.
   * @param signal aborts when the app stops; return soon after
   */
  run(signal: AbortSignal): Promise<void> | void;
}

/** True for instances with a `run` method. */
export function hasRun(instance: unknown): instance is OnRun {
  return typeof instance === 'object' && instance !== null && typeof (instance as Partial<OnRun>).run === 'function';
}
