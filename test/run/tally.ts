import type { TestEvent } from './test-event.js';

/** A test that failed or was skipped, and why. */
export interface Remark {
  /** Source of the test. */
  readonly file: string;
  /** Suites and test, joined by ` > `. */
  readonly name: string;
  readonly reason: string;
}

/**
 * Counts the leaf tests of one process. Suites, and tests that only hold other tests, count as nothing, except where they fail
 * by themselves (a hook), are skipped as a whole, or are empty (a loop over no cases would pass for ever).
 */
export class Tally {
  passed = 0;
  readonly failed: Remark[] = [];
  readonly skipped: Remark[] = [];
  hasEnded = false;
  readonly #running = new Set<string>();
  readonly #names: string[] = [];
  /** By nesting: has a test been reported since the last one of the level above? */
  readonly #reported: boolean[] = [];

  /** @param fileOf - source of the test that an event tells of */
  constructor(private readonly fileOf: (event: TestEvent) => string) {}

  add(event: TestEvent): void {
    const { type, nesting, name } = event;
    switch (type) {
      case 'begin':
        this.#running.add(name);
        break;
      case 'done':
        this.#running.delete(name);
        break;
      case 'start':
        this.#names.length = nesting;
        this.#names[nesting] = name;
        break;
      case 'end':
        this.hasEnded = true;
        break;
      default:
        this.#count(event);
    }
  }

  /** Tests that have begun and not ended, innermost last. */
  running(): string[] {
    return [...this.#running];
  }

  #count(event: TestEvent): void {
    const { type, nesting, isSuite, skipped, failureType } = event;
    const isParent = this.#reported[nesting + 1] === true;
    this.#reported.length = nesting;
    this.#reported[nesting] = true;
    const remark = (reason: string): Remark => ({ file: this.fileOf(event), name: this.#path(event), reason });
    if (skipped !== undefined) this.skipped.push(remark(skipped));
    else if (type === 'fail') {
      if (!(isParent && failureType === 'subtestsFailed')) this.failed.push(remark(event.error ?? failureType ?? 'failed'));
    } else if (isSuite && !isParent) this.failed.push(remark('this suite has no tests'));
    else if (!isParent) this.passed += 1;
  }

  #path({ nesting, name }: TestEvent): string {
    return [...this.#names.slice(0, nesting), name].join(' > ');
  }
}

/** The one line that a run ends with; continuous integration reads it. */
export function closingLine(passed: number, failed: number, skipped: number): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
