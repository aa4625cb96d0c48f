/** The message of whatever was thrown. Never throws, not even for errors made to hurt (getters that throw, proxies, no prototype). */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return 'an error that cannot be read';
  }
}
