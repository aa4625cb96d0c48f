/**
 * A mistake found before the app serves: in decorators, options or config. Says what, where, and what to try.
 * @public
 */
export class BootError extends Error {
  override name = 'BootError';

  constructor(
    /** UPPER_SNAKE, listed in docs/errors.md. */
    readonly reason: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Several mistakes as one error with a numbered list; one mistake stays itself. */
export function bootErrors(errors: readonly BootError[]): BootError {
  if (errors.length === 1) return errors[0]!;
  const lines = errors.map((error, i) => `  ${i + 1}. ${error.message.replaceAll('\n', '\n     ')}`);
  return new BootError('BOOT_FAILED', `${errors.length} mistakes keep the app from starting:\n${lines.join('\n')}`, {
    cause: new AggregateError(errors),
  });
}
