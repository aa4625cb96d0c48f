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

/**
 * Several mistakes as one error with a numbered list; one mistake stays itself.
 * @param notes what is odd besides, without being a mistake: whoever mends the mistakes wants to see it as well
 */
export function bootErrors(errors: readonly BootError[], notes: readonly string[] = []): BootError {
  if (errors.length === 1 && notes.length === 0) return errors[0]!;
  const indented = (text: string): string => text.replaceAll('\n', '\n     ');
  const odd = notes.length === 0 ? '' : ['\nnoticed besides:', ...notes.map((note) => `  - ${indented(note)}`)].join('\n');
  if (errors.length === 1) return new BootErrors(errors[0]!.reason, errors[0]!.message + odd, errors);
  const lines = errors.map((error, i) => `  ${i + 1}. ${indented(error.message)}`);
  return new BootErrors('BOOT_FAILED', `${errors.length} mistakes keep the app from starting:\n${lines.join('\n')}${odd}`, errors);
}

/** Keeps its parts private: the message has them all, and a crash report that prints every stack would hide it. */
class BootErrors extends BootError {
  readonly #mistakes: readonly BootError[];

  constructor(reason: string, message: string, mistakes: readonly BootError[]) {
    super(reason, message);
    this.#mistakes = mistakes;
  }

  override get mistakes(): readonly BootError[] {
    return this.#mistakes;
  }
}
