import { appendFileSync } from 'node:fs';
import { inspect } from 'node:util';
import type { TestEvent } from './test-event.js';

/** Environment variable with the file to append events to. */
export const eventsVariable = 'ANTHILL_TEST_EVENTS';

interface NodeEvent {
  readonly type: string;
  readonly data: {
    readonly nesting: number;
    readonly name?: string;
    readonly file?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: { readonly type?: string; readonly error?: Error & { failureType?: string } };
  };
}

/** `start` comes in the order of the report and `begin`, `done` in the order of execution; they differ when tests run side by side. */
const types: Readonly<Record<string, TestEvent['type']>> = {
  'test:start': 'start',
  'test:dequeue': 'begin',
  'test:complete': 'done',
  'test:pass': 'pass',
  'test:fail': 'fail',
  'test:plan': 'end',
};

/**
 * Reporter of one test process. Appends synchronously, so that what happened before a crash or a kill is known; prints nothing, so
 * that stdout is the tests' own.
 */
export default async function* report(source: AsyncIterable<NodeEvent>): AsyncGenerator<string> {
  const file = process.env[eventsVariable];
  if (file === undefined) throw new Error(`${eventsVariable} is not set: this reporter is for test/run only`);
  for await (const { type, data } of source) {
    const known = types[type];
    // test:plan closes every suite; only that of the root, which comes last, ends the report
    if (known === undefined || (known === 'end' && data.nesting > 0)) continue;
    appendFileSync(file, `${JSON.stringify(toEvent(known, data))}\n`);
  }
  yield '';
}

function toEvent(type: TestEvent['type'], { nesting, name = '', file, skip, todo, details }: NodeEvent['data']): TestEvent {
  const error = details?.error;
  const skipped = reason(skip, 'skip') ?? reason(todo, 'todo');
  return {
    type,
    nesting,
    name,
    isSuite: details?.type === 'suite',
    ...(file === undefined ? {} : { file }),
    ...(skipped === undefined ? {} : { skipped }),
    ...(error?.failureType === undefined ? {} : { failureType: error.failureType }),
    ...(error === undefined || type !== 'fail' ? {} : { error: inspect(error.cause ?? error).slice(0, 8_000) }),
  };
}

function reason(value: string | boolean | undefined, word: string): string | undefined {
  if (value === undefined || value === false) return undefined;
  return value === true || value === '' ? `${word}, no reason given` : value;
}
