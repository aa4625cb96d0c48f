import type { Clock, RandomSource } from '../common/clock.js';
import type { Logger } from '../common/logger.js';
import type { NodeFilter, Selector } from '../common/selection.js';
import type { OutlierDetectionOptions } from './outlier-options.js';

/** How a directory treats nodes whatever the strategy; all optional. @public */
export interface DiscoveryOptions {
  /** Leaves out nodes whose calls fail one after the other. @default off: consecutiveFailures is 0 */
  outlierDetection?: OutlierDetectionOptions;
  /**
   * In percent. With fewer nodes than this neither unreachable nor ejected, ejections are ignored. With fewer left in a snapshot of what there was a moment ago, the missing
   * ones are kept for `holdMs`. @default 50
   */
  panicThreshold?: number;
  /** How many milliseconds nodes are kept that the registry lost all at once. 0: the registry is always believed. @default 15000 */
  holdMs?: number;
}

/** How a service directory works; all optional. */
export interface ServiceDirectoryOptions extends DiscoveryOptions {
  /** Strategy where a call and its client name none. @default random() */
  selector?: Selector;
  /** The app's filters; those of client and call come on top. */
  filters?: readonly NodeFilter[];
  /** Zone of this process, for strategies that prefer it. */
  zone?: string;
  clock?: Clock;
  random?: RandomSource;
  logger?: Logger;
  /** The watch of a service that nobody called for this long ends. @default 300000 */
  idleMs?: number;
  /** A name that is nobody's is not looked up again for this long. @default 1000 */
  missTtlMs?: number;
}

/** What a directory has done, for metrics. Numbers only grow, except the last four. */
export interface DirectoryCounters {
  picks: number;
  /** Picks that failed. */
  failures: number;
  /** Questions to the registry for a service. */
  lookups: number;
  /** Picks answered "not found" without a question. */
  missesRecalled: number;
  snapshots: number;
  unreachableMarks: number;
  ejections: number;
  /** Services watched now. */
  watches: number;
  /** Names remembered as nobody's. */
  misses: number;
  /** Nodes avoided now because they are unreachable. */
  avoided: number;
  /** Nodes ejected now. */
  ejected: number;
}
