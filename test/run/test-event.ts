/** What a test process tells the runner: the events of node:test that matter, one JSON object per line. */
export interface TestEvent {
  readonly type: 'start' | 'begin' | 'done' | 'pass' | 'fail' | 'end';
  readonly nesting: number;
  readonly name: string;
  /** Where the test was defined, compiled or source. */
  readonly file?: string;
  readonly isSuite: boolean;
  /** Reason of a skip or todo. */
  readonly skipped?: string;
  readonly failureType?: string;
  readonly error?: string;
}
