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

  /** One by one. */
  get mistakes(): readonly BootError[] {
    return [this];
  }
}

/** Several mistakes as one error with a numbered list; one mistake stays itself. */
export function bootErrors(errors: readonly BootError[]): BootError {
  if (errors.length === 1) return errors[0]!;
  const lines = errors.map((error, i) => `  ${i + 1}. ${error.message.replaceAll('\n', '\n     ')}`);
  return new BootErrors(`${errors.length} mistakes keep the app from starting:\n${lines.join('\n')}`, errors);
}

/** Keeps its parts private: the message has them all, and a crash report that prints every stack would hide it. */
class BootErrors extends BootError {
  readonly #mistakes: readonly BootError[];

  constructor(message: string, mistakes: readonly BootError[]) {
    super('BOOT_FAILED', message);
    this.#mistakes = mistakes;
  }

  override get mistakes(): readonly BootError[] {
    return this.#mistakes;
  }
}
