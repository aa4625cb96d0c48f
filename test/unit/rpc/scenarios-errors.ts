import assert from 'node:assert/strict';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { expectError, handlers, hostile, type Scenario } from './scenario.js';
import { failure } from './support.js';

/** What handlers throw. */
export const errorScenarios: readonly Scenario[] = [
  {
    name: 'an RpcError arrives whole, without stack and cause',
    handlers: {
      '/fail': () => {
        throw new RpcError({ code: 'ALREADY_EXISTS', reason: 'TAKEN', message: 'the name is täken', metadata: { name: 'x', constructor: 'y' }, details: { at: [1, 2n, new Date(5)] }, cause: new Error('secret') });
      },
    },
    async run(rpc) {
      const error = await expectError(
        rpc.call('svc', '/fail'),
        { code: 'ALREADY_EXISTS', reason: 'TAKEN', message: 'the name is täken', details: { at: [1, 2n, new Date(5)] }, remote: true, undelivered: false },
      );
      assert.deepEqual({ ...error.metadata }, { name: 'x', constructor: 'y' });
      assert.equal(error.cause, undefined);
      assert.ok(error instanceof RpcError);
    },
  },
  {
    name: 'details of an error are a copy; what cannot be carried is left out',
    handlers: (() => {
      const details = { list: [1] };
      const fail = (given: unknown) => () => {
        throw new RpcError({ code: 'ABORTED', message: 'm', metadata: { a: '1' }, details: given });
      };
      return { '/shared': fail(details), '/function': fail(() => 1), '/none': fail(null) };
    })(),
    async run(rpc) {
      ((await failure(rpc.call('svc', '/shared'))).details as { list: number[] }).list.push(2);
      assert.deepEqual((await failure(rpc.call('svc', '/shared'))).details, { list: [1] });
      await expectError(rpc.call('svc', '/function'), { code: 'ABORTED', reason: 'ABORTED', message: 'm', details: undefined });
      await expectError(rpc.call('svc', '/none'), { details: undefined });
    },
  },
  {
    name: 'an error that only looks like one of ours is an unknown one',
    handlers: {
      '/code': () => { throw Object.assign(new RpcError({ code: 'ABORTED', message: 'm' }), { code: 'NO_SUCH' }); },
      '/reason': () => { throw Object.assign(new RpcError({ code: 'ABORTED', message: 'm' }), { reason: 5 }); },
      '/metadata': () => { throw Object.assign(new RpcError({ code: 'ABORTED', message: 'm' }), { metadata: null }); },
    },
    async run(rpc) {
      for (const path of ['/code', '/reason', '/metadata']) await expectError(rpc.call('svc', path), { code: 'INTERNAL', reason: 'HANDLER_FAILED', remote: true });
    },
  },
  ...([
    ['an Error', () => new Error('secret password')],
    ['a string', () => 'secret password'],
    ['null', () => null],
    ['undefined', () => undefined],
    ['a number', () => 0],
    ['a frozen object', () => Object.freeze({ a: 1 })],
    ['an error with throwing getters', () => Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('in a getter'); } })],
    ['a hostile Proxy', () => hostile()],
    ['a hostile Proxy of an Error', () => new Proxy(new Error('x'), { get() { throw new Error('in a trap'); }, getPrototypeOf() { throw new Error('in a trap'); } })],
    ['an object without prototype', () => Object.create(null) as object],
  ] as const).flatMap(([what, make]) =>
    (['at once', 'later'] as const).map((when): Scenario => ({
      name: `${what} thrown ${when} is one INTERNAL error with a correlation id`,
      handlers: { ...handlers, '/fail': when === 'at once' ? () => { throw make(); } : () => Promise.reject(make() as Error) },
      async run(rpc) {
        const error = await expectError(rpc.call('svc', '/fail'), { code: 'INTERNAL', reason: 'HANDLER_FAILED', remote: true, details: undefined });
        const id = error.metadata['correlationId']!;
        assert.match(id, /^[0-9a-f]{16}$/);
        assert.match(error.message, new RegExp(`^svc@\\w+ /fail failed; its log has the cause under ${id}$`));
        assert.equal(await rpc.call('svc', '/echo', [1]), 1);
      },
    })),
  ),
  {
    name: 'a nested failure that reached nobody says nothing of this call',
    handlers: {
      '/fail': () => {
        throw new RpcError({ code: 'UNAVAILABLE', reason: 'NODE_UNREACHABLE', message: 'the other one', undelivered: true, metadata: { a: 'b' } });
      },
    },
    async run(rpc) {
      const error = await expectError(rpc.call('svc', '/fail'), { code: 'UNAVAILABLE', reason: 'NODE_UNREACHABLE', message: 'the other one', undelivered: false, remote: true });
      assert.deepEqual({ ...error.metadata }, { a: 'b' });
    },
  },
];
