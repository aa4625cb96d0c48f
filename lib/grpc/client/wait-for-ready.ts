import { Backoff } from '../../common/backoff.js';
import { currentContext, deadlineExceeded } from '../../common/call-context.js';
import { type Clock, sleep, systemRandom } from '../../common/clock.js';
import { RpcError } from '../../common/rpc-error.js';

/** What one call waits with. */
export interface ReadyWait {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** For messages. */
  readonly target: string;
  readonly path: string;
}

const NOT_READY: ReadonlySet<string> = new Set(['SERVICE_NOT_FOUND', 'NODE_NOT_FOUND', 'NO_NODE_MATCHES', 'REGISTRY_UNAVAILABLE', 'NODE_UNREACHABLE']);

/**
 * Tries again, up to the deadline, as long as no node can be had or reached. What got to a callee is tried once only.
 * @param attempt gets the milliseconds that are left
 */
export async function untilReady<T>({ clock, timeoutMs, signal, target, path }: ReadyWait, attempt: (leftMs: number) => Promise<T>): Promise<T> {
  const endsAt = clock.now() + Math.min(timeoutMs, currentContext()?.remainingMs() ?? Infinity);
  const backoff = new Backoff(clock, systemRandom, { baseMs: 50, maxMs: 1000 });
  for (;;) {
    try {
      return await attempt(endsAt - clock.now());
    } catch (error) {
      if (!isNotReady(error)) throw error;
      // Of a script that waits, nothing else may hold the process.
      await sleep(clock, Math.min(backoff.next(), endsAt - clock.now()), signal, true);
      if (clock.now() < endsAt) continue;
      throw new RpcError({ ...deadlineExceeded(target, path, timeoutMs), message: `no node of ${target} was ready for ${path} within ${timeoutMs} ms; the last try said: ${error.message}`, cause: error });
    }
  }
}

function isNotReady(error: unknown): error is RpcError {
  return RpcError.is(error) && NOT_READY.has(error.reason) && (error.undelivered || error.code === 'NOT_FOUND') && !error.remote;
}
