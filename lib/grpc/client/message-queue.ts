import type { RpcError } from '../../common/rpc-error.js';

/** What a queue asks of the call that fills it. */
export interface MessageSource {
  /** One more message may come. */
  read(): void;
  /** Nobody takes the rest. */
  abandon(): void;
}

/** Messages that are read ahead of the one who takes them; more would only be memory. */
const AHEAD = 16;

/**
 * The replies of a streaming call, for one `for await`. The callee is held back when they are not taken: HTTP/2 stops giving it room.
 */
export class MessageQueue implements AsyncIterableIterator<unknown> {
  private readonly messages: unknown[] = [];
  private taker: { resolve: (result: IteratorResult<unknown>) => void; reject: (error: unknown) => void } | undefined;
  private source: MessageSource | undefined;
  private isReading = false;
  private outcome: { readonly error: RpcError | undefined } | undefined;

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The call has begun (again, on another node). */
  attach(source: MessageSource): void {
    this.source = source;
    this.isReading = false;
    this.readMore();
  }

  push(message: unknown): void {
    this.isReading = false;
    if (this.outcome) return;
    const { taker } = this;
    if (taker) {
      this.taker = undefined;
      taker.resolve({ done: false, value: message });
    } else {
      this.messages.push(message);
    }
    this.readMore();
  }

  /** All has come; what was not taken yet still can be. */
  end(error?: RpcError): void {
    if (this.outcome) return;
    this.outcome = { error };
    this.source = undefined;
    const { taker } = this;
    this.taker = undefined;
    if (error) taker?.reject(error);
    else taker?.resolve({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.messages.length > 0) {
      const value = this.messages.shift();
      this.readMore();
      return Promise.resolve({ done: false, value });
    }
    if (this.outcome) {
      const { error } = this.outcome;
      this.outcome = { error: undefined };
      return error ? Promise.reject(error) : Promise.resolve({ done: true, value: undefined });
    }
    if (this.taker) return Promise.reject(new Error('the messages of a call are taken one after the other: await next() before the next one'));
    return new Promise((resolve, reject) => (this.taker = { resolve, reject }));
  }

  /** `break` in a `for await`: the call is cancelled. */
  return(): Promise<IteratorResult<unknown>> {
    const { source } = this;
    this.messages.length = 0;
    this.end();
    this.outcome = { error: undefined };
    source?.abandon();
    return Promise.resolve({ done: true, value: undefined });
  }

  private readMore(): void {
    if (this.isReading || this.source === undefined || this.messages.length >= AHEAD) return;
    this.isReading = true;
    this.source.read();
  }
}
