const MINUTE_MS = 60_000;

/** Go's text for a duration: `20s`, `1m5s`, `1h0m5s`, `1.5s`, `500ms`. mqant and hrpc write it so. */
export function goDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / MINUTE_MS) % 60;
  const seconds = Math.round(ms % MINUTE_MS) / 1000;
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}
