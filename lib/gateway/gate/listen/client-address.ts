import { isIP } from 'node:net';

/**
 * The client's address behind proxies: from the right, the first one of `X-Forwarded-For` that no trusted proxy has. What stands further left anybody
 * could have written.
 */
export function clientAddress(peer: string, forwarded: string | undefined, trusted: readonly string[]): string {
  if (forwarded === undefined || !trusted.includes(plainAddress(peer))) return peer;
  const chain = forwarded.split(',').map((part) => part.trim());
  for (const address of chain.reverse()) {
    if (isIP(address) === 0) return peer;
    if (!trusted.includes(address)) return address;
  }
  return peer;
}

/** `::ffff:10.0.0.1` is 10.0.0.1 on a socket that takes both. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
