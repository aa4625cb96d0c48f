import assert from 'node:assert/strict';
import { afterEach, describe as suite, test } from 'node:test';
import { Cluster, counts, settle, type HandlerSpec, type TestHandler, type TestProcess } from '../rpc/support.js';
import { cancel, frame, header, out, RawPeer, reply, request, route } from './anthill-raw.js';

suite('anthill/1: bytes of strangers', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  const echo = { '/echo': ([value]: readonly unknown[]) => value };

  async function serve(handlers: Record<string, TestHandler | HandlerSpec> = echo): Promise<{ callee: TestProcess; raw: RawPeer }> {
    const callee = await cluster.start([{ type: 'svc', id: 'n', handlers }]);
    return { callee, raw: await RawPeer.join(cluster) };
  }

  const good = (id: number, value: unknown = id): Iterable<number> => request({ id, args: [value] });
  const to = route('svc@n', '/echo');
  const isReply = (id: number, value: unknown = id): Record<string, unknown> => ({ frame: 'reply', id, flags: 0, value });

  test('a request by hand is answered', async () => {
    const { callee, raw } = await serve();
    raw.send(callee, to, good(7, 'x'));
    await settle();
    assert.deepEqual(raw.frames, [isReply(7, 'x')]);
  });

  for (const [what, bytes] of [
    ['nothing', []],
    ['a wrong magic', header('anthill.process.raw', 0xa8).bytes],
    ['a version we do not speak', header('anthill.process.raw', 0xa7, 2).bytes],
    ['a header that ends early', [0xa7, 1, 50, 0x61]],
    ['a sender of 2^53 bytes', out().u8(0xa7).u8(1).varint(2n ** 53n).bytes],
    ['a varint of 20 bytes', out().u8(0xa7).u8(1).raw(Array<number>(20).fill(0xff)).bytes],
    ['an empty sender', header('').bytes],
    ['a sender with a wildcard', header('a.>').bytes],
    ['a sender with another wildcard', header('a.*').bytes],
    ['a sender with a space', header('a b').bytes],
    ['a sender with a line break', header('a\r\nPUB x 0').bytes],
    ['a sender with an empty token', header('a..b').bytes],
    ['a sender of 300 characters', header('a'.repeat(300)).bytes],
    ['a frame longer than the message', [...header('anthill.process.raw').bytes, 2, 100]],
    ['a frame of 2^53 bytes', header('anthill.process.raw').u8(2).varint(2n ** 53n - 1n).bytes],
    ['a frame whose length is 2^60', header('anthill.process.raw').u8(2).varint(2n ** 60n).bytes],
  ] as const) {
    test(`${what}: the message is counted and dropped, the next one is served`, async () => {
      const { callee, raw } = await serve();
      const seen = await counts(async () => {
        raw.post(callee, Uint8Array.from(bytes));
        await settle();
      });
      assert.deepEqual(seen, ['frame.dropped']);
      assert.deepEqual(raw.frames, []);
      raw.send(callee, to, good(1));
      await settle();
      assert.deepEqual(raw.frames, [isReply(1)]);
      assert.deepEqual(callee.log.filter(({ level }) => level === 'error'), [], 'strangers do not fill the log');
    });
  }

  const deep = [...Array<number>(200_000).fill(0x91), 0xc0];
  const badFrames: readonly (readonly [string, Iterable<number>, answered?: RegExp])[] = [
    ['an empty request', frame(2, [])],
    ['a request of a route that is not there', request({ id: 5, route: 3 })],
    ['a request of route 2^53', frame(2, out().varint(5).varint(2n ** 53n - 1n).u8(0).varint(1))],
    ['metadata of 2^50 pairs', frame(2, out().varint(5).varint(0).u8(4).varint(1).varint(2n ** 50n))],
    ['metadata that ends early', frame(2, out().varint(5).varint(0).u8(4).varint(1).varint(2).text('a'))],
    ['a chain of 2^50 lanes', frame(2, out().varint(5).varint(0).u8(8).varint(1).varint(2n ** 50n))],
    ['arguments that are no MessagePack', request({ id: 5, payload: [0xc1] }), /the arguments of svc@n \/echo cannot be read/],
    ['arguments that are no array', request({ id: 5, payload: [0x05] }), /not an array/],
    ['bytes after the arguments', request({ id: 5, payload: [0x90, 0x00] }), /cannot be read/],
    ['an array of 2^32 elements', request({ id: 5, payload: [0xdd, 0xff, 0xff, 0xff, 0xff] }), /cannot be read/],
    ['a string of 4 GiB', request({ id: 5, payload: [0x91, 0xdb, 0xff, 0xff, 0xff, 0xff] }), /cannot be read/],
    ['200,000 levels', request({ id: 5, payload: deep }), /nested too deep/],
    ['a __proto__ key', request({ id: 5, payload: [0x91, 0x81, 0xa9, ...Buffer.from('__proto__'), 0x80] }), /__proto__/],
    ['an unknown extension', request({ id: 5, payload: [0x91, 0xd4, 0x05, 0x00] }), /cannot be read/],
    ['a text that is no UTF-8', request({ id: 5, payload: [0x91, 0xa2, 0xc3, 0x28] }), /not UTF-8/],
    ['a metadata key that is no UTF-8', frame(2, out().varint(5).varint(0).u8(4).varint(1).varint(1).varint(2).raw([0xc3, 0x28]).text('x'))],
    ['2^40 slots', request({ id: 5, flags: 0x10, payload: out().varint(2n ** 40n).bytes }), /cannot be read/],
    ['a slot of 2^40 bytes', request({ id: 5, flags: 0x10, payload: out().varint(1).varint(2n ** 40n).bytes }), /cannot be read/],
    ['a slot of an unknown kind', request({ id: 5, flags: 0x10, payload: out().varint(1).varint(1).u8(9).bytes }), /unknown slot kind 9/],
    ['an empty slot', request({ id: 5, flags: 0x10, payload: out().varint(1).varint(0).bytes }), /cannot be read/],
    ['bytes after the slots', request({ id: 5, flags: 0x10, payload: out().varint(0).u8(1).bytes }), /cannot be read/],
    ['a reply that ends early', frame(3, [])],
    ['a reply of nothing we asked', reply(77, 1)],
    ['an error of nothing we asked', frame(4, out().varint(77).u8(13).u8(0).text('R').text('m'))],
    ['an empty error', frame(4, [])],
    ['a cancel of nothing', cancel(99)],
    ['an empty cancel', frame(5, [])],
    ['an unknown frame', frame(0x1f, [1, 2, 3])],
    ['frame type 0', frame(0, [])],
    ['frame type 255', frame(255, Array<number>(1000).fill(7))],
  ];
  for (const [what, bad, answer] of badFrames) {
    test(`${what} between two good frames: those are served`, async () => {
      const { callee, raw } = await serve();
      const from = process.memoryUsage().rss;
      const started = performance.now();
      const seen = await counts(async () => {
        raw.send(callee, to, good(1), bad, good(2));
        await settle();
      });
      assert.ok(performance.now() - started < 1000);
      assert.ok(process.memoryUsage().rss - from < 64 * 1024 * 1024, 'memory');
      const answers = raw.frames.filter(({ frame: type }) => type !== 'error');
      assert.deepEqual(answers, [isReply(1), isReply(2)]);
      const errors = raw.frames.filter(({ frame: type }) => type === 'error');
      if (answer) {
        assert.equal(errors.length, 1);
        assert.deepEqual([errors[0]!['id'], errors[0]!['code'], errors[0]!['reason']], [5, 3, 'MALFORMED_PAYLOAD']);
        assert.match(errors[0]!['message'] as string, answer);
      } else {
        assert.deepEqual(errors, []);
        if (!what.startsWith('a cancel')) assert.equal(seen.length, 1, seen.join());
      }
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    });
  }
});
