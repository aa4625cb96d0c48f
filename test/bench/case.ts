import type { Bench } from './measure.js';

/** A promise of DESIGN section 8, held against what was measured. */
export interface Bar {
  readonly work: string;
  /** `≥ 8x raw nats.js` */
  readonly bar: string;
  /** `9.3x` */
  readonly measured: string;
  readonly reached: boolean;
}

/** Rows of text; the first column is the name of what was measured. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a case found. */
export interface Finding {
  readonly title: string;
  readonly table: Table;
  readonly bars: readonly Bar[];
  /** One sentence below the table. */
  readonly note?: string;
}

/** One thing that is measured; chosen by name with `--case`. */
export interface Case {
  readonly name: string;
  run(bench: Bench): Promise<Finding>;
}

/** "At least" bar on a ratio. */
export function atLeast(work: string, times: number, of: string, measured: number): Bar {
  return { work, bar: `≥ ${times}x ${of}`, measured: `${measured.toFixed(2)}x`, reached: measured >= times };
}

/** "At most" bar on a ratio. */
export function atMost(work: string, times: number, of: string, measured: number): Bar {
  return { work, bar: `≤ ${times}x ${of}`, measured: `${measured.toFixed(2)}x`, reached: measured <= times };
}
