import assert from 'node:assert/strict';
import { echo, expectError, type Scenario } from './scenario.js';

/** Names, counts, metadata. */
export const callScenarios: readonly Scenario[] = [
  {
    name: 'unknown handler, and what it has instead',
    handlers: { '/a': echo, '/b': echo },
    run: async (rpc) => void (await expectError(rpc.call('svc', '/c'), { code: 'NOT_FOUND', reason: 'HANDLER_NOT_FOUND', remote: true }, /svc@\w+ has no handler '\/c'; it has: \/a, \/b/)),
  },
  ...['__proto__', 'constructor', 'toString', 'then', '../a', '\u0000', '', ' ', 'x'.repeat(64 * 1024)].map((path): Scenario => ({
    name: `a handler named ${JSON.stringify(path.slice(0, 20))} does not exist`,
    handlers: { '/a': echo },
    async run(rpc) {
      const error = await expectError(rpc.call('svc', path, [1]), { code: 'NOT_FOUND' });
      assert.ok(error.message.length < 400);
    },
  })),
  {
    name: 'from outside only public handlers exist, and only they are named',
    handlers: { '/secret': echo, '/open': { run: echo, public: true, concurrent: true } },
    async run(rpc) {
      assert.equal(await rpc.call('svc', '/open', [1], { external: true }), 1);
      assert.equal(await rpc.call('svc', '/secret', [1]), 1);
      for (const path of ['/secret', '/nothing']) {
        const error = await expectError(rpc.call('svc', path, [1], { external: true }), { code: 'NOT_FOUND' });
        assert.match(error.message, /it has: \/open$/);
      }
    },
  },
  {
    name: 'too few and too many arguments',
    handlers: { '/two': { run: (args) => args.length, arity: { min: 1, max: 2 } }, '/none': { run: () => 0, arity: { min: 0, max: 0 } } },
    async run(rpc) {
      assert.equal(await rpc.call('svc', '/two', [1]), 1);
      assert.equal(await rpc.call('svc', '/two', [1, 2]), 2);
      await expectError(rpc.call('svc', '/two', []), { code: 'INVALID_ARGUMENT', reason: 'ARGUMENT_COUNT' }, /\/two takes 1 to 2 argument\(s\), got 0/);
      await expectError(rpc.call('svc', '/two', [1, 2, 3]), { reason: 'ARGUMENT_COUNT' }, /got 3/);
      await expectError(rpc.call('svc', '/none', [1]), { reason: 'ARGUMENT_COUNT' }, /takes 0 argument/);
    },
  },
  {
    name: 'metadata, caller and path arrive; metadata has no prototype and is a copy',
    handlers: {
      '/see': (_args, ctx) => {
        assert.equal(Object.getPrototypeOf(ctx.metadata), null);
        if ('a' in ctx.metadata) (ctx.metadata as Record<string, string>)['added'] = 'x';
        return { ...ctx.metadata, caller: ctx.caller, path: ctx.path, node: ctx.nodeId };
      },
      '/none': (_args, ctx) => [Object.getPrototypeOf(ctx.metadata) === null, Object.keys(ctx.metadata).length],
    },
    async run(rpc) {
      const metadata = Object.freeze({ a: '1', constructor: 'c', toString: 't', n: 5 as unknown as string });
      const seen = await rpc.call<Record<string, string>>('svc', '/see', [], { metadata, caller: 'me' });
      assert.match(seen['node']!, /^svc@/);
      delete seen['node'];
      assert.deepEqual(seen, { a: '1', constructor: 'c', toString: 't', n: '5', added: 'x', caller: 'me', path: '/see' });
      assert.equal(((await rpc.call<Record<string, string>>('svc', '/see')))['caller'], 'tester');
      assert.deepEqual(await rpc.call('svc', '/none'), [true, 0]);
      assert.equal(({} as Record<string, unknown>)['added'], undefined);
    },
  },
  {
    name: 'an own key __proto__ in metadata pollutes nothing',
    handlers: { '/see': (_args, ctx) => [Object.keys(ctx.metadata), (ctx.metadata as Record<string, unknown>)['polluted'] === undefined] },
    async run(rpc) {
      const metadata = JSON.parse('{"__proto__":"x","a":"1"}') as Record<string, string>;
      assert.deepEqual(await rpc.call('svc', '/see', [], { metadata }), [['__proto__', 'a'], true]);
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    },
  },
];
