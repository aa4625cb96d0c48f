import assert from 'node:assert/strict';
import { afterEach, describe as suite, test } from 'node:test';
import { rpcError } from '../../../lib/common/error-catalog.js';
import { Cluster, counts, failure, settle, stateOf, type TestProcess } from '../rpc/support.js';
import { addressOf, describe, RawPeer, readMessage, reply, message } from './anthill-raw.js';

suite('anthill/1: what leaves together', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  /** Messages to a process since the last look, as frames. */
  const sentTo = (process: TestProcess): Record<string, unknown>[][] =>
    cluster.posted.filter(({ address }) => address === addressOf(process)).map(({ bytes }) => readMessage(bytes).frames.map(describe));

  const echo = { '/echo': ([value]: readonly unknown[]) => value };

  test('a hundred calls of one turn are one message, and so are their replies', async () => {
    const { caller, callee } = await cluster.pair(echo);
    await caller.rpc.nodes('svc');
    cluster.posted.length = 0;
    const values = await Promise.all(Array.from({ length: 100 }, (_, i) => caller.rpc.call('svc', '/echo', [i])));
    assert.deepEqual(values, Array.from({ length: 100 }, (_, i) => i));
    const [there, ...noMore] = sentTo(callee);
    assert.equal(noMore.length, 0);
    assert.deepEqual([there!.length, there!.filter(({ frame }) => frame === 'route').length], [101, 1], 'one route for all');
    assert.equal(sentTo(caller).length, 1);
  });

  test('a lone call is one message each way, and leaves before the turn ends', async () => {
    const { caller, callee } = await cluster.pair(echo);
    await caller.rpc.nodes('svc');
    cluster.posted.length = 0;
    const call = caller.rpc.call('svc', '/echo', [1]);
    await Promise.resolve();
    assert.equal(cluster.posted.length, 1);
    await call;
    assert.deepEqual([sentTo(callee).length, sentTo(caller).length], [1, 1]);
  });

  test('calls made in several jobs of one turn wait for its end', async () => {
    const { caller, callee } = await cluster.pair(echo);
    await caller.rpc.nodes('svc');
    cluster.posted.length = 0;
    const later = async (jobs: number): Promise<unknown> => {
      for (let i = 0; i < jobs; i++) await Promise.resolve();
      return caller.rpc.call('svc', '/echo', [jobs]);
    };
    await Promise.all([0, 3, 6, 9, 12].map(later));
    assert.ok(sentTo(callee).length <= 2, `${sentTo(callee).length} messages`);
  });

  test('nodes of one process share its message, other processes get their own', async () => {
    const nodes = ['a', 'b'].map((type) => ({ type, handlers: { ...echo, '/other': echo['/echo'] } }));
    const both = await cluster.start(nodes);
    const third = await cluster.start([{ type: 'c', handlers: echo }]);
    const caller = await cluster.start();
    await Promise.all(['a', 'b', 'c'].map((type) => caller.rpc.nodes(type)));
    cluster.posted.length = 0;
    await Promise.all([caller.rpc.call('a', '/echo'), caller.rpc.call('b', '/echo'), caller.rpc.call('a', '/other'), caller.rpc.call('c', '/echo'), caller.rpc.call('a', '/echo')]);
    assert.deepEqual(sentTo(both).map((frames) => frames.map(({ frame, route }) => route ?? frame)), [['route', 0, 'route', 1, 'route', 2, 0]]);
    assert.equal(sentTo(third).length, 1);
  });

  test('order is kept per caller and node, over many turns', async () => {
    const seen: number[] = [];
    const { caller } = await cluster.pair({ '/see': { run: ([n]) => void seen.push(n as number), queue: Infinity } });
    await caller.rpc.nodes('svc');
    for (let n = 0; n < 3000; n++) {
      void caller.rpc.notify('svc', '/see', [n, 'x'.repeat(n % 700)]);
      if (n % 97 === 0) await settle(1);
    }
    await settle();
    assert.deepEqual(seen, Array.from({ length: 3000 }, (_, n) => n));
  });

  test('a batch is cut at what the transport carries', async () => {
    await cluster.stop();
    cluster = new Cluster({ maxMessageBytes: 4096 });
    const { caller, callee } = await cluster.pair(echo);
    await caller.rpc.nodes('svc');
    cluster.posted.length = 0;
    const texts = Array.from({ length: 200 }, (_, i) => `${i}`.padEnd(1 + ((i * 37) % 900), 'x'));
    assert.deepEqual(await Promise.all(texts.map((text) => caller.rpc.call('svc', '/echo', [text]))), texts);
    for (const { bytes } of cluster.posted) assert.ok(bytes.length <= 4096);
    assert.ok(sentTo(callee).length >= 20 && sentTo(callee).length < 60, `${sentTo(callee).length}`);
  });

  test('the largest call that fits goes, one byte more fails alone and says sizes', async () => {
    await cluster.stop();
    cluster = new Cluster({ maxMessageBytes: 4096 });
    const { caller } = await cluster.pair({ '/length': ([text]) => (text as string).length });
    await caller.rpc.nodes('svc');
    let fits = 0;
    for (let size = 3800; size < 4096; size++) {
      const outcome = caller.rpc.call('svc', '/length', ['x'.repeat(size)]);
      const neighbour = caller.rpc.call('svc', '/length', ['y']);
      if ((await stateOf(outcome)) === 'resolved') fits = size;
      else {
        const error = await failure(outcome);
        assert.deepEqual([error.code, error.reason, error.remote, error.undelivered], ['RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE', false, false]);
        assert.equal(error.metadata['limit'], '4096');
        assert.equal(error.metadata['size'], '4097');
        assert.match(error.message, /the call to svc@\w+ \/length is 4097 bytes, more than the 4096 that memory carries/);
        assert.equal(await neighbour, 1);
        break;
      }
      assert.equal(await neighbour, 1);
    }
    assert.ok(fits > 3900);
  });

  test('batches stop at 256 KiB even where more would fit', async () => {
    const { caller, callee } = await cluster.pair({ '/length': ([text]) => (text as string).length });
    await caller.rpc.nodes('svc');
    cluster.posted.length = 0;
    await Promise.all(Array.from({ length: 10 }, () => caller.rpc.call('svc', '/length', ['x'.repeat(100_000)])));
    assert.equal(sentTo(callee).length, 5);
  });

  for (const size of [2, 50]) {
    test(`${size} MB: as an argument and as a result, a clear error for that caller, and memory is given back`, async () => {
      const large = new Uint8Array(size * 1024 * 1024);
      const { caller, callee } = await cluster.pair({ ...echo, '/large': () => large });
      const neighbours = [1, 2, 3].map((n) => caller.rpc.call('svc', '/echo', [n]));
      const argument = failure(caller.rpc.call('svc', '/echo', [large]));
      const result = failure(caller.rpc.call('svc', '/large'));
      for (const [call, remote, what] of [[argument, false, /the call to svc@\w+ \/echo/], [result, true, /the result of svc@\w+ \/large/]] as const) {
        const error = await call;
        assert.deepEqual([error.code, error.reason, error.remote, error.undelivered], ['RESOURCE_EXHAUSTED', 'PAYLOAD_TOO_LARGE', remote, false]);
        assert.match(error.message, what);
        assert.ok(Number(error.metadata['size']) > size * 1024 * 1024);
        assert.equal(error.metadata['limit'], String(1024 * 1024));
      }
      assert.deepEqual(await Promise.all(neighbours), [1, 2, 3]);
      for (const process of [caller, callee]) for (const remote of remotesOf(process)) assert.ok(remote.writer.out.bytes.length <= 4 * 1024 * 1024);
      // In the same process nothing has to fit into a message.
      assert.equal(((await callee.rpc.call('svc', '/large')) as Uint8Array).length, large.length);
    });
  }

  test('a message that the transport refuses fails its own calls, once each, and no others', async () => {
    const served: unknown[] = [];
    await cluster.stop();
    cluster = new Cluster({ maxMessageBytes: 4096 });
    await cluster.start([{ type: 'svc', id: 'a', handlers: { '/go': ([n]) => (served.push(n), n) } }]);
    const caller = await cluster.start();
    await caller.rpc.nodes('svc');
    const { transport } = caller;
    const send = transport.send.bind(transport);
    let refused = 0;
    transport.send = (address, bytes, token) => {
      if (refused++ === 0) throw rpcError('OUTBOUND_FULL', 'full', { undelivered: true });
      send(address, bytes, token);
    };
    // Three messages: the first one is refused when the second one is begun.
    const calls = Array.from({ length: 9 }, (_, n) => caller.rpc.call('svc@a', '/go', [n, 'x'.repeat(1200)]));
    const outcomes = await Promise.allSettled(calls);
    assert.deepEqual(outcomes.map(({ status }) => status), [...Array<string>(3).fill('rejected'), ...Array<string>(6).fill('fulfilled')]);
    assert.deepEqual(served, [3, 4, 5, 6, 7, 8]);
  });

  test('a value that makes calls while it is encoded breaks no frame', async () => {
    const { caller } = await cluster.pair(echo);
    await caller.rpc.nodes('svc');
    const inner: Promise<unknown>[] = [];
    const value = { toJSON: () => (inner.push(failure(caller.rpc.call('svc', '/echo', ['inner']))), 'outer') };
    assert.equal(await caller.rpc.call('svc', '/echo', [value]), 'outer');
    assert.equal(((await inner[0]) as { reason: string }).reason, 'UNSUPPORTED_VALUE');
    assert.equal(await caller.rpc.call('svc', '/echo', ['after']), 'after');
  });

  test('after a hundred thousand calls nothing is left in any table', async () => {
    const { caller, callee } = await cluster.pair({ '/echo': ([n]) => n, '/later': async ([n]) => n, '/fail': () => Promise.reject(new Error('x')) }, { logger: { debug() {}, info() {}, warn() {}, error() {} } });
    for (let round = 0; round < 100; round++) {
      const abort = new AbortController();
      const calls = Array.from({ length: 1000 }, (_, n) =>
        caller.rpc.call('svc', ['/echo', '/later', '/fail', '/nope'][n % 4]!, [n], n % 10 === 0 ? { signal: abort.signal } : undefined).catch(() => {}),
      );
      if (round % 2) abort.abort();
      await Promise.all(calls);
    }
    await settle();
    for (const process of [caller, callee]) {
      for (const { pending, serving } of remotesOf(process)) assert.deepEqual([pending.size, serving.size], [0, 0]);
      assert.equal(process.runtime.deadlines.size, 0);
    }
    assert.equal(callee.server('svc').size, 0);
  });

  test('messages are counted round: a process that lives for years still tells lost ones from others', async () => {
    const raw = await RawPeer.join(cluster);
    raw.advertise(cluster, 'svc@raw');
    const caller = await cluster.start();
    const warm = caller.rpc.call('svc', '/x');
    await settle();
    raw.send(caller, reply(lastId(raw), 1));
    await warm;
    const [remote] = remotesOf(caller);
    remote!.sequence = 2 ** 32 - 2;
    const older = failure(caller.rpc.call('svc', '/older'));
    await settle();
    const older2 = failure(caller.rpc.call('svc', '/older2'));
    await settle();
    assert.ok(remote!.sequence < 2, 'it went round');
    await raw.transport.close();
    const lost = failure(caller.rpc.call('svc', '/lost'));
    await settle();
    assert.equal((await lost).undelivered, true);
    cluster.clock.advance(400);
    assert.deepEqual([(await older).undelivered, (await older2).undelivered], [false, false]);
  });

  test('tokens that are not ours, or of remotes long forgotten, change nothing', async () => {
    const { caller } = await cluster.pair({ '/hang': () => new Promise(() => {}) });
    const call = caller.rpc.call('svc', '/hang');
    call.catch(() => {});
    await settle();
    const wire = wireOf(caller);
    for (const token of [0, 2, 4, 1e15, 2 ** 40, 2 ** 53 - 2, -2, NaN, 0.5, Infinity]) wire.undeliverable(token);
    assert.equal(wire.undeliverable(1), false, 'odd ones belong to another wire');
    assert.equal(await stateOf(call), 'pending');
  });

  test('the table of remotes is bounded, and who was quiet for a minute or two is forgotten', async () => {
    const callee = await cluster.start([{ type: 'svc', id: 'n', handlers: echo }]);
    const raw = await RawPeer.join(cluster);
    const { route, request } = await import('./anthill-raw.js');
    const dropped = await counts(async () => {
      for (let i = 0; i < 25_000; i++) {
        raw.post(callee, message(`anthill.process.s${i}`, route('svc@n', '/echo'), request({ id: 1, args: [i] })));
        if (i % 1000 === 0) await settle(2);
      }
      await settle();
    });
    assert.ok(remotesOf(callee).length <= 20_000);
    assert.ok(dropped.every((name) => name === 'frame.dropped'));
    for (let i = 0; i < 4; i++) {
      cluster.clock.advance(61_000);
      raw.send(callee, route('svc@n', '/echo'), request({ id: 2, args: [i] }));
      await settle();
    }
    assert.equal(remotesOf(callee).length, 1);
  });
});

type WireInside = { remotes: { byAddress: Map<string, RemoteInside> }; undeliverable(token: number): boolean };

interface RemoteInside {
  pending: Map<number, unknown>;
  serving: Map<number, unknown>;
  sequence: number;
  writer: { out: { bytes: Uint8Array } };
}

const wireOf = (process: TestProcess): WireInside => (process.runtime as unknown as { peers: Map<string, WireInside> }).peers.get('anthill/1')!;
const remotesOf = (process: TestProcess): RemoteInside[] => [...wireOf(process).remotes.byAddress.values()];
const lastId = (raw: RawPeer): number => raw.frames.filter(({ frame }) => frame === 'request').at(-1)!['id'] as number;
