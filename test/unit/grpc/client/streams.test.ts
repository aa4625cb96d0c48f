import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rpcError } from '../../../../lib/common/error-catalog.js';
import type { RawCall } from '../../../../lib/grpc/client/endpoint.js';
import { MessageQueue } from '../../../../lib/grpc/client/message-queue.js';
import { RequestPump, RequestSource } from '../../../../lib/grpc/client/request-pump.js';

class Source {
  reads = 0;
  abandoned = 0;
  read(): void {
    this.reads++;
  }
  abandon(): void {
    this.abandoned++;
  }
}

function queue(): { messages: MessageQueue; source: Source } {
  const [messages, source] = [new MessageQueue(), new Source()];
  messages.attach(source);
  return { messages, source };
}

describe('replies of a streaming call', () => {
  it('come in order, and the end after them', async () => {
    const { messages } = queue();
    messages.push(1);
    messages.push(2);
    messages.end();
    const all: unknown[] = [];
    for await (const message of messages) all.push(message);
    assert.deepEqual(all, [1, 2]);
  });

  it('come before the error that ended them, which is thrown once', async () => {
    const { messages } = queue();
    messages.push(1);
    messages.end(rpcError('NODE_UNREACHABLE', 'gone'));
    assert.deepEqual(await messages.next(), { done: false, value: 1 });
    await assert.rejects(messages.next(), { message: 'gone' });
    assert.deepEqual(await messages.next(), { done: true, value: undefined });
  });

  it('are read ahead up to a bound, and further as they are taken', async () => {
    const { messages, source } = queue();
    for (let i = 0; i < 16; i++) messages.push(i);
    assert.equal(source.reads, 16);
    await messages.next();
    assert.equal(source.reads, 17);
  });

  it('that nobody takes end the call', async () => {
    const { messages, source } = queue();
    messages.push(1);
    const taking = messages.next();
    await taking;
    const waiting = messages.next();
    assert.deepEqual(await messages.return(), { done: true, value: undefined });
    assert.deepEqual(await waiting, { done: true, value: undefined });
    assert.equal(source.abandoned, 1);
    messages.push(2);
    assert.deepEqual(await messages.next(), { done: true, value: undefined });
  });

  it('are taken one after the other', async () => {
    const { messages } = queue();
    const first = messages.next();
    await assert.rejects(messages.next(), /one after the other/);
    messages.push(1);
    assert.deepEqual(await first, { done: false, value: 1 });
  });
});

/** A call that takes messages when it is told to. */
class SlowCall {
  readonly sent: string[] = [];
  isHalfClosed = false;
  private taken: (() => void) | undefined;
  sendMessageWithContext({ callback }: { callback: () => void }, bytes: Buffer): void {
    this.sent.push(String(bytes));
    this.taken = callback;
  }
  halfClose(): void {
    this.isHalfClosed = true;
  }
  take(): void {
    this.taken?.();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a stream of requests', () => {
  const events = (failures: unknown[]) => ({ encode: (message: unknown) => Buffer.from(String(message)), failed: (error: unknown) => void failures.push(error) });

  it('is asked for the next message when the last one has left', async () => {
    let made = 0;
    const call = new SlowCall();
    const numbers = (function* () {
      while (made < 3) yield ++made;
    })();
    new RequestPump(new RequestSource(numbers), call as unknown as RawCall, events([]));
    for (const expected of [1, 2, 3]) {
      await turn();
      assert.deepEqual([made, call.sent.length, call.isHalfClosed], [expected, expected, false]);
      call.take();
    }
    await turn();
    assert.ok(call.isHalfClosed);
  });

  it('hears of the end of the call, also while it waits', async () => {
    let returned = false;
    const endless: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => ((returned = true), Promise.reject(new Error('in the finally of a user'))),
      }),
    };
    const failures: unknown[] = [];
    const pump = new RequestPump(new RequestSource(endless), new SlowCall() as unknown as RawCall, events(failures));
    await turn();
    pump.stop();
    pump.stop();
    await turn();
    assert.deepEqual([returned, failures], [true, []]);
  });

  it('tells what it throws, and what cannot be encoded', async () => {
    const failures: unknown[] = [];
    const broken = (function* () {
      yield 1;
      throw new Error('no more');
    })();
    const call = new SlowCall();
    new RequestPump(new RequestSource(broken), call as unknown as RawCall, events(failures));
    await turn();
    call.take();
    await turn();
    new RequestPump(new RequestSource([Symbol('x')]), call as unknown as RawCall, { ...events(failures), encode: () => assert.fail('cannot be encoded') });
    await turn();
    assert.deepEqual(failures.map((error) => (error as Error).message), ['no more', 'cannot be encoded']);
    assert.equal(call.isHalfClosed, false);
  });
});
