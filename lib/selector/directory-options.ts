import type { Clock, RandomSource } from '../common/clock.js';
import type { DiscoveryOptions } from '../common/discovery-options.js';
import type { Logger } from '../common/logger.js';
import type { NodeFilter, Selector } from '../common/selection.js';

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
