import { isCodeName, type RpcCodeName } from '../common/rpc-code.js';
import { checkOptions, integerOf, numberOf, wrongOption } from './selector-options.js';

/** When a node that fails too often is left out for a while; all optional. @public */
export interface OutlierDetectionOptions {
  /** So many failures in a row, and the node is ejected. 0: never. @default 0 */
  consecutiveFailures?: number;
  /** Codes that speak against a node. What the node did not answer itself counts only as UNAVAILABLE or DEADLINE_EXCEEDED. @default UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL */
  codes?: readonly string[];
  /** Milliseconds that the first ejection lasts; the second in a row lasts twice as long, the third three times. @default 5000 */
  baseEjectionMs?: number;
  /** No ejection lasts longer than this many milliseconds. @default 15000, or baseEjectionMs when that is more */
  maxEjectionMs?: number;
  /** At most this share of a service's nodes is out at a time, in percent; one node always may be. @default 50 */
  maxEjectionPercent?: number;
}

/** {@link OutlierDetectionOptions}, checked. */
export interface OutlierLimits {
  readonly consecutiveFailures: number;
  readonly codes: ReadonlySet<RpcCodeName>;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
}

const NAME = 'outlierDetection';
const CODES: readonly string[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL'];

/** Undefined: nobody is ejected. @throws BootError SELECTOR_OPTIONS */
export function outlierLimits(options: OutlierDetectionOptions = {}): OutlierLimits | undefined {
  checkOptions(NAME, options, ['consecutiveFailures', 'codes', 'baseEjectionMs', 'maxEjectionMs', 'maxEjectionPercent']);
  const { codes = CODES } = options;
  const unknown = codes.filter((code) => !isCodeName(code));
  if (unknown.length > 0) throw wrongOption(NAME, `codes has ${unknown.join(', ')}, which RpcCode does not`);
  const consecutiveFailures = integerOf(NAME, 'consecutiveFailures', options.consecutiveFailures ?? 0, 0);
  const baseEjectionMs = numberOf(NAME, 'baseEjectionMs', options.baseEjectionMs ?? 5000, 1, Infinity);
  const maxEjectionMs = numberOf(NAME, 'maxEjectionMs', options.maxEjectionMs ?? Math.max(15_000, baseEjectionMs), baseEjectionMs, Infinity);
  const maxEjectionPercent = numberOf(NAME, 'maxEjectionPercent', options.maxEjectionPercent ?? 50, 0, 100);
  return consecutiveFailures === 0 ? undefined : { consecutiveFailures, codes: new Set(codes.filter(isCodeName)), baseEjectionMs, maxEjectionMs, maxEjectionPercent };
}
