import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ServerReadableStream } from '@grpc/grpc-js';
import type { AbortListener, RpcContext } from '../common/call-context.js';
import { rpcError } from '../common/error-catalog.js';
import { messageOf } from '../common/message-of.js';

/** What a client of Node that gives up an upload says first is that this was all; that it gave up comes a moment later, in another frame. */
const SECOND_THOUGHT_MS = 2;
const turn = promisify(setImmediate);

type Incoming = ServerReadableStream<unknown, unknown>;
type Outgoing = { write(item: Uint8Array, written: () => void): boolean; on(event: 'drain', listener: () => void): unknown };

/** The requests of a streaming call, as they come; read as fast as they are asked for. A call that ends early ends it with the reason. */
export class RequestStream implements AsyncIterable<unknown> {
  private readonly items: AsyncIterator<unknown>;

  constructor(
    call: Incoming,
    private readonly context: RpcContext,
  ) {
    // Leaving the loop early must not destroy the call, whose replies are still to come.
    this.items = call.iterator({ destroyOnReturn: false }) as AsyncIterator<unknown>;
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return { next: () => this.next(), return: async () => this.close() };
  }

  private async next(): Promise<IteratorResult<unknown>> {
    this.context.throwIfAborted();
    try {
      const result = await this.items.next();
      if (result.done) {
        // Half an upload must not pass for a whole one.
        await sleep(SECOND_THOUGHT_MS);
        // However late the timer was, what has come meanwhile is read before we go on.
        for (let turns = 0; turns < 2; turns++) await turn();
        this.context.throwIfAborted();
      }
      return result;
    } catch (error) {
      throw this.context.abortError ?? error;
    }
  }

  private async close(): Promise<IteratorResult<unknown>> {
    await this.items.return?.();
    return { done: true, value: undefined };
  }
}

/**
 * Sends the replies of a streaming call as fast as the client takes them: while it takes none, the handler is not asked for more. A call that
 * ends early ends the handler's iterable, too (`return()`); the promise settles when that has ended.
 */
export class ReplyStream implements AbortListener {
  private resume: (() => void) | undefined;
  private iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  private ending: Promise<void> | undefined;
  /** Replies that the connection has not taken yet. */
  private pending = 0;
  private readonly written = (): void => {
    this.pending--;
    if (this.pending === 0) this.resume?.();
  };

  /** @param encode throws what the call fails with */
  constructor(
    private readonly call: Outgoing,
    private readonly context: RpcContext,
    private readonly encode: (item: unknown) => Uint8Array,
  ) {
    call.on('drain', () => this.resume?.());
    context.adopt(this);
  }

  async send(items: unknown): Promise<void> {
    const iterator = (this.iterator = iteratorOf(items, this.context));
    if (this.context.aborted) this.aborted();
    try {
      await this.sendAll(iterator);
    } catch (error) {
      // The handler is done when its iterable is, its `finally` included.
      await (this.ending ?? this.end());
      throw error;
    }
  }

  /** The call ended early. */
  aborted(): void {
    if (this.iterator) this.ending ??= this.end();
    this.resume?.();
  }

  private async sendAll(iterator: AsyncIterator<unknown> | Iterator<unknown>): Promise<void> {
    for (;;) {
      const next = await iterator.next();
      this.context.throwIfAborted();
      // What a slow client has still to take is part of the call: a stop waits for it.
      if (next.done) return this.pending > 0 ? this.resumed() : undefined;
      const bytes = this.encode(next.value);
      this.pending++;
      if (!this.call.write(bytes, this.written)) await this.resumed();
    }
  }

  /** What goes wrong in ending is nobody's business any more. */
  private async end(): Promise<void> {
    try {
      await this.iterator?.return?.();
    } catch {
      // The call has its outcome.
    }
  }

  private resumed(): Promise<void> {
    if (this.context.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.resume = () => {
        this.resume = undefined;
        resolve();
      };
    });
  }
}

function iteratorOf(items: unknown, { path }: RpcContext): AsyncIterator<unknown> | Iterator<unknown> {
  if (typeof items === 'object' && items !== null) {
    try {
      const some = items as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
      const iterator = some[Symbol.asyncIterator]?.() ?? some[Symbol.iterator]?.();
      if (iterator) return iterator;
    } catch (error) {
      throw rpcError('REPLY_UNENCODABLE', `${path}: the result cannot be iterated: ${messageOf(error)}`, { cause: error });
    }
  }
  throw rpcError('REPLY_UNENCODABLE', `${path} is a streaming method and must return an AsyncIterable (or be an async generator method), not ${items === null ? 'null' : `what has the type ${typeof items}`}`);
}
