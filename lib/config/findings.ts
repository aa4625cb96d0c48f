import { BootError, bootErrors } from '../common/boot-error.js';

/** Collects what is wrong with a config, so that all of it is told at once. */
export class Findings {
  readonly errors: BootError[] = [];
  readonly warnings: string[] = [];

  mistake(message: string): void {
    this.errors.push(new BootError('CONFIG_INVALID', message));
  }

  warn(message: string): void {
    if (!this.warnings.includes(message)) this.warnings.push(message);
  }

  /** Runs `fn`; a BootError is kept for the end, and the result is undefined. */
  attempt<T>(fn: () => T): T | undefined {
    try {
      return fn();
    } catch (error) {
      this.keep(error);
      return undefined;
    }
  }

  /** Keeps a BootError for the end; anything else is a bug and goes on. */
  keep(error: unknown): void {
    if (!(error instanceof BootError)) throw error;
    this.errors.push(error);
  }

  /** @throws BootError with every mistake, if there is any. */
  throwIfAny(): void {
    if (this.errors.length > 0) throw bootErrors(this.errors, this.warnings);
  }
}
