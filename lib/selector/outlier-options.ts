import type { OutlierDetectionOptions } from '../common/discovery-options.js';
import { isCodeName, type RpcCodeName } from '../common/rpc-code.js';
import { checkOptions, integerOf, numberOf, wrongOption } from './selector-options.js';

/** {@link OutlierDetectionOptions}, checked. */
export interface OutlierLimits {
  readonly consecutiveFailures: number;
  readonly codes: ReadonlySet<RpcCodeName>;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
}

const NAME = 'discovery.outlierDetection';
const CODES: readonly string[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL'];

/** Undefined: nobody is ejected. @throws BootError SELECTOR_OPTIONS */
export function outlierLimits(options: OutlierDetectionOptions = {}): OutlierLimits | undefined {
  checkOptions(NAME, options, ['consecutiveFailures', 'codes', 'baseEjectionMs', 'maxEjectionMs', 'maxEjectionPercent']);
  const { codes = CODES } = options;
  const unknown = codes.filter((code) => !isCodeName(code));
  if (unknown.length > 0) throw wrongOption(NAME, `codes has ${unknown.join(', ')}, which RpcCode does not`);
  const consecutiveFailures = integerOf(NAME, 'consecutiveFailures', options.consecutiveFailures ?? 0, 0);
  const baseEjectionMs = numberOf(NAME, 'baseEjectionMs', options.baseEjectionMs ?? 5000, 1, Infinity);
  const maxEjectionMs = Math.max(baseEjectionMs, numberOf(NAME, 'maxEjectionMs', options.maxEjectionMs ?? 15_000, 1, Infinity));
  const maxEjectionPercent = numberOf(NAME, 'maxEjectionPercent', options.maxEjectionPercent ?? 50, 0, 100);
  return consecutiveFailures === 0 ? undefined : { consecutiveFailures, codes: new Set(codes.filter(isCodeName)), baseEjectionMs, maxEjectionMs, maxEjectionPercent };
}
