const MOST_DIGITS = 99_999_999;

/** The `grpc-timeout` header (gRPC over HTTP/2, "Timeout"): at most eight digits and a unit. Undefined for no deadline. */
export function timeoutText(remainingMs: number): string | undefined {
  if (remainingMs === Infinity) return undefined;
  const ms = Math.max(1, Math.ceil(remainingMs));
  if (ms <= MOST_DIGITS) return `${ms}m`;
  const seconds = Math.ceil(ms / 1000);
  return seconds <= MOST_DIGITS ? `${seconds}S` : `${Math.min(MOST_DIGITS, Math.ceil(seconds / 3600))}H`;
}
