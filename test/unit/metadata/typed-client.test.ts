import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClientContract, ClientMethod } from '../../../lib/common/client-contract.js';
import { Client } from '../../../lib/rpc/client-type.js';
import { createTypedClient, type Caller } from '../../../lib/rpc/typed-client.js';

type Calls = unknown[][];
type Methods = Record<string, (...args: unknown[]) => Promise<unknown>>;

function clientOf(calls: Calls, ...methods: Partial<ClientMethod>[]): Methods {
  const rpc = { call: (...args: unknown[]) => (calls.push(args), Promise.resolve('reply')) } as unknown as Caller;
  const contract: ClientContract = {
    type: 'hello',
    name: 'Hello',
    errors: [],
    methods: methods.map((method) => ({ name: 'hi', path: '/hi', arity: 1, argTypes: undefined, returns: undefined, ...method })),
  };
  return createTypedClient(rpc, contract) as Methods;
}

describe('createTypedClient', () => {
  it('calls the path of the method with its arguments', async () => {
    const calls: Calls = [];
    assert.equal(await clientOf(calls, {}).hi!('x'), 'reply');
    assert.deepEqual(calls, [['hello', '/hi', ['x'], undefined]]);
  });

  it('takes options behind the arguments', async () => {
    const calls: Calls = [];
    await clientOf(calls, { arity: 2 }).hi!('x', undefined, { timeoutMs: 5 });
    assert.deepEqual(calls, [['hello', '/hi', ['x', undefined], { timeoutMs: 5 }]]);
  });

  it('says the declared types, and the call\'s options win', async () => {
    const calls: Calls = [];
    const { hi } = clientOf(calls, { argTypes: ['int'], returns: String });
    await hi!(1);
    await hi!(1, { returns: Number });
    assert.deepEqual(calls.map(([, , , options]) => options), [{ args: ['int'], returns: String }, { args: ['int'], returns: Number }]);
  });

  it('passes everything where the number of arguments is open', async () => {
    const calls: Calls = [];
    await clientOf(calls, { arity: undefined }).hi!(1, 2, { three: 3 });
    assert.deepEqual(calls[0]![2], [1, 2, { three: 3 }]);
  });

  it('is a frozen plain object that awaits to itself and has no lifecycle', async () => {
    const client = clientOf([], {}, { name: 'onModuleInit' }, { name: 'run' }, { name: 'then' });
    assert.deepEqual(Object.keys(client), ['hi']);
    assert.ok(Object.isFrozen(client));
    assert.equal(await (client as unknown), client);
    assert.equal(client.toJSON, undefined);
  });
});

describe('Client', () => {
  it('is a value only to be imported', () => assert.throws(() => Client(), { reason: 'CLIENT_IS_A_TYPE' }));
});
