import type { Draft, Message, Fields } from './etcd.codec.js';
import type { EtcdConnection } from './etcd.connection.js';
import { methods, type Method } from './etcd.messages.js';
import { CODE, WireFailure, type EtcdWire } from './etcd.wire.js';

/** A stream that has begun. */
export interface OpenStream<A extends Fields> {
  readonly first: Message<A>;
  readonly rest: AsyncGenerator<Message<A>, void, undefined>;
  /** Its answer came from there. */
  readonly endpoint: number;
  end(): void;
}

/**
 * Requests to the cluster instead of to a member: stays with one endpoint until it fails, then takes the next; signs in where that is wanted, and
 * again when etcd has forgotten the token (it keeps tokens in memory, for 5 minutes after their last use). Throws {@link WireFailure}s.
 */
export class EtcdSession {
  private current = 0;
  private signingIn: Promise<string> | undefined;

  constructor(private readonly connection: EtcdConnection, private readonly wire: EtcdWire) {}

  /** The answer of one member. Of a method with a stream of answers, the first. */
  async ask<Q extends Fields, A extends Fields>(method: Method<Q, A>, draft: Draft<Q>, signal?: AbortSignal): Promise<Message<A>> {
    const { endpoints, timeoutMs } = this.connection;
    const giveUp = performance.now() + timeoutMs;
    for (let left = endpoints.length; ; left--) {
      signal?.throwIfAborted();
      const endpoint = this.current;
      try {
        return await this.signedIn(endpoint, signal, (token) => {
          const share = Math.max(1, (giveUp - performance.now()) / left);
          return this.once(endpoint, method, draft, { token, timeoutMs: share, signal });
        });
      } catch (cause) {
        signal?.throwIfAborted();
        if (!(cause instanceof WireFailure) || !isAway(cause)) throw cause;
        this.leave(endpoint);
        if (left <= 1 || (cause.sent && !method.repeatable && !isUnproposed(cause))) throw cause;
      }
    }
  }

  /**
   * Answers of a stream, the first of which has come in time and is not `isStale` (signed in with a token that etcd no longer knows; then once more
   * with a new one). `end` must be called.
   */
  async open<Q extends Fields, A extends Fields>(method: Method<Q, A>, draft: Draft<Q>, isStale: (first: Message<A>) => boolean, signal: AbortSignal): Promise<OpenStream<A>> {
    const endpoint = this.current;
    try {
      return await this.signedIn(endpoint, signal, async (token) => {
        const ending = new AbortController();
        const end = () => {
          signal.removeEventListener('abort', end);
          ending.abort();
        };
        signal.addEventListener('abort', end, { once: true });
        if (signal.aborted) end();
        try {
          const rest = this.wire.stream(endpoint, method, draft, { token, timeoutMs: undefined, signal: ending.signal });
          const { done, value: first } = await inTime(rest.next(), this.connection.timeoutMs);
          if (done) throw new WireFailure(CODE.unavailable, 'the stream ended at once', true);
          if (isStale(first)) throw new WireFailure(CODE.unauthenticated, 'etcdserver: permission denied', true);
          return { first, rest, endpoint, end };
        } catch (cause) {
          end();
          throw cause;
        }
      });
    } catch (cause) {
      if (!signal.aborted && cause instanceof WireFailure && isAway(cause)) this.leave(endpoint);
      throw cause;
    }
  }

  /** That endpoint failed: whoever comes next takes another. */
  leave(endpoint: number): void {
    if (this.current === endpoint) this.current = (endpoint + 1) % this.connection.endpoints.length;
  }

  close(): void {
    this.wire.close();
  }

  private async once<Q extends Fields, A extends Fields>(endpoint: number, method: Method<Q, A>, draft: Draft<Q>, options: Parameters<EtcdWire['unary']>[3]): Promise<Message<A>> {
    if (method !== (methods.leaseKeepAlive as unknown)) return this.wire.unary(endpoint, method, draft, options);
    for await (const answer of this.wire.stream(endpoint, method, draft, options)) return answer;
    throw new WireFailure(CODE.unavailable, 'the stream ended without an answer', true);
  }

  private async signedIn<T>(endpoint: number, signal: AbortSignal | undefined, work: (token: string) => Promise<T>): Promise<T> {
    if (this.connection.credentials === undefined) return work('');
    const signIn = this.token(endpoint);
    try {
      return await work(await signIn);
    } catch (cause) {
      if (signal?.aborted || !(cause instanceof WireFailure) || !isForgotten(cause)) throw cause;
      if (this.signingIn === signIn) this.signingIn = undefined;
      return work(await this.token(endpoint));
    }
  }

  /** One sign-in for all who wait: etcd takes some 100 ms of CPU for each (bcrypt). Not under anybody's signal, since others wait for it too. */
  private token(endpoint: number): Promise<string> {
    this.signingIn ??= this.signIn(endpoint).catch((cause: unknown) => {
      this.signingIn = undefined;
      throw cause;
    });
    return this.signingIn;
  }

  private async signIn(endpoint: number): Promise<string> {
    const { user, password } = this.connection.credentials!;
    try {
      const { token } = await this.wire.unary(endpoint, methods.authenticate, { name: user, password }, { token: '', timeoutMs: this.connection.timeoutMs, signal: undefined });
      return token;
    } catch (cause) {
      // Authentication is off in etcd: anybody may do anything.
      if (cause instanceof WireFailure && cause.code === CODE.failedPrecondition && cause.details.includes('not enabled')) return '';
      throw cause;
    }
  }
}

/** Another member may do better. */
function isAway({ code }: WireFailure): boolean {
  return code === CODE.unavailable || code === CODE.deadlineExceeded;
}

/** etcd said so before it proposed the request to the cluster. */
function isUnproposed({ details }: WireFailure): boolean {
  return details.includes('etcdserver: no leader');
}

/** The token is no longer one, or authentication was turned on after we came. */
function isForgotten({ code, details }: WireFailure): boolean {
  return code === CODE.unauthenticated || (code === CODE.invalidArgument && /user name is empty|revision of auth store is old/.test(details));
}

async function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WireFailure(CODE.deadlineExceeded, 'no answer in time', true)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    // Lost the race: nobody else hears of it.
    promise.catch(() => {});
  }
}
