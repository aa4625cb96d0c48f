import { AsyncResource } from 'node:async_hooks';
import { rpcError } from '../../common/error-catalog.js';
import type { RawCall } from './endpoint.js';

/** A stream of requests. @public */
export type RequestStream<T> = AsyncIterable<T> | Iterable<T>;

/**
 * A caller's stream of requests. It runs in the async context of the call, whoever asks it for the next message: a connection that
 * comes up, or the end of an earlier call, would otherwise lend it the context of somebody else.
 */
export class RequestSource implements AsyncIterable<unknown> {
  private readonly context = new AsyncResource('anthill.grpc.requests');

  constructor(private readonly stream: RequestStream<unknown>) {}

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    const { context } = this;
    const iterator = context.runInAsyncScope(() => this.iterator());
    return {
      next: async () => context.runInAsyncScope(() => iterator.next()),
      return: async () => context.runInAsyncScope(() => iterator.return?.()) ?? { done: true, value: undefined },
    };
  }

  /** @throws RpcError UNSUPPORTED_VALUE for what is no stream */
  private iterator(): AsyncIterator<unknown> | Iterator<unknown> {
    const { stream } = this;
    if (typeof stream === 'object' && stream !== null) {
      if (Symbol.asyncIterator in stream) return stream[Symbol.asyncIterator]();
      if (Symbol.iterator in stream) return stream[Symbol.iterator]();
    }
    throw rpcError('UNSUPPORTED_VALUE', `a stream of requests must be a list, an iterable or an async iterable, not ${stream === null ? 'null' : `of type ${typeof stream}`}`);
  }
}

/** What a pump tells. */
export interface PumpEvents {
  encode(message: unknown): Buffer;
  /** The stream threw, or a message cannot be sent: the rest of it will not come. */
  failed(error: unknown): void;
}

/** Sends a stream of requests, one message at a time: the next one is asked for when the last one has left. */
export class RequestPump {
  private iterator: AsyncIterator<unknown> | undefined;
  private isStopped = false;
  private release: () => void = () => {};

  constructor(stream: AsyncIterable<unknown>, private readonly call: RawCall, private readonly events: PumpEvents) {
    void this.run(stream);
  }

  /** The call has ended: nothing more is asked for, and who makes the stream hears of it. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.release();
    this.finish();
  }

  private async run(stream: AsyncIterable<unknown>): Promise<void> {
    try {
      const iterator = (this.iterator = stream[Symbol.asyncIterator]());
      for (;;) {
        const { done, value } = await iterator.next();
        if (this.isStopped) return;
        if (done) break;
        await this.send(this.events.encode(value));
        if (this.isStopped) return;
      }
      this.isStopped = true;
      this.call.halfClose();
    } catch (error) {
      if (this.isStopped) return;
      this.isStopped = true;
      this.finish();
      this.events.failed(error);
    }
  }

  private send(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.release = resolve;
      this.call.sendMessageWithContext({ callback: () => resolve() }, bytes);
    });
  }

  /** As `break` in a `for await` would; what it throws has no one to hear it. */
  private finish(): void {
    this.iterator?.return?.().catch(() => {});
  }
}
