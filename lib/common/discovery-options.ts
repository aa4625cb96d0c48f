/** When a node whose calls fail one after the other is left out for a while; all optional. @public */
export interface OutlierDetectionOptions {
  /** So many failures in a row, and the node is ejected. 0: never. @default 0 */
  consecutiveFailures?: number;
  /** Codes that speak against a node. What the node did not answer itself counts only as UNAVAILABLE or DEADLINE_EXCEEDED. @default UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL */
  codes?: readonly string[];
  /** Milliseconds that the first ejection lasts; the second in a row lasts twice as long, the third three times. @default 5000 */
  baseEjectionMs?: number;
  /** No ejection lasts longer than this many milliseconds, or than baseEjectionMs when that is more. @default 15000 */
  maxEjectionMs?: number;
  /** At most this share of a service's nodes is out at a time, in percent; one node always may be. @default 50 */
  maxEjectionPercent?: number;
}

/** How callers treat nodes, whatever the strategy that chooses among them; all optional. @public */
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
