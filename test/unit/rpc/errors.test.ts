import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { RPC_REASONS } from '../../../lib/common/error-catalog.js';
import { ErrorTypes, reasonOf } from '../../../lib/rpc/error-types.js';
import { Cluster, failure, settle, type TestProcess } from './support.js';

class OutOfStock extends Error {
  override name = 'OutOfStock';
  constructor(
    readonly article: string,
    readonly left: number,
  ) {
    super(`${left} of ${article} left`);
  }
  get isEmpty(): boolean {
    return this.left === 0;
  }
}

/** Built on RpcError, with a constructor that needs what no reply carries. */
class Locked extends RpcError {
  constructor(readonly owner: { name: string }) {
    super({ code: 'ABORTED', message: `locked by ${owner.name}`, metadata: { owner: owner.name } });
  }
}

class VeryLocked extends Locked {
  readonly since = new Date(7);
}

class Guarded extends Error {
  get article(): string {
    return 'computed';
  }
}

function declare(process: TestProcess): TestProcess {
  const { errorTypes } = process.runtime;
  errorTypes.add({ type: OutOfStock, code: 'FAILED_PRECONDITION', reason: 'OUT_OF_STOCK' });
  errorTypes.add({ type: Locked, code: 'FAILED_PRECONDITION', reason: 'LOCKED' });
  errorTypes.add({ type: VeryLocked, code: 'FAILED_PRECONDITION', reason: 'VERY_LOCKED' });
  errorTypes.add({ type: Guarded, code: 'FAILED_PRECONDITION', reason: 'GUARDED' });
  return process;
}

describe('errors', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  const handlers = {
    '/stock': () => {
      throw new OutOfStock('bread', 0);
    },
    '/locked': () => {
      throw new Locked({ name: 'ann' });
    },
    '/very': () => {
      throw new VeryLocked({ name: 'bob' });
    },
    '/guarded': () => {
      throw new Guarded('g');
    },
    '/callback': () => {
      throw Object.assign(new OutOfStock('milk', 1), { retry: () => 1 });
    },
  };

  for (const where of ['local', 'remote'] as const) {
    test(`${where}: declared classes come back as themselves, with their own fields`, async () => {
      const { caller, callee } = await cluster.pair(handlers);
      const { rpc } = declare(where === 'local' ? callee : (declare(callee), caller));
      const stock = await rpc.call('svc', '/stock').catch((error: unknown) => error);
      assert.ok(stock instanceof OutOfStock && stock instanceof Error && RpcError.is(stock));
      assert.deepEqual([stock.article, stock.left, stock.isEmpty, stock.message, stock.name], ['bread', 0, true, '0 of bread left', 'OutOfStock']);
      const fields = stock as unknown as RpcError;
      assert.deepEqual([fields.code, fields.reason, fields.remote, fields.undelivered], ['FAILED_PRECONDITION', 'OUT_OF_STOCK', true, false]);
      assert.match(stock.stack!, /0 of bread left/);

      const locked = await rpc.call('svc', '/locked').catch((error: unknown) => error);
      assert.ok(locked instanceof Locked && !(locked instanceof VeryLocked) && locked instanceof RpcError);
      assert.deepEqual([locked.owner, locked.code, { ...locked.metadata }, locked.remote], [{ name: 'ann' }, 'ABORTED', { owner: 'ann' }, true]);

      const very = await rpc.call('svc', '/very').catch((error: unknown) => error);
      assert.ok(very instanceof VeryLocked, 'the class furthest down counts');
      assert.deepEqual([very.since, very.owner], [new Date(7), { name: 'bob' }]);

      const guarded = await rpc.call('svc', '/guarded').catch((error: unknown) => error);
      assert.ok(guarded instanceof Guarded);
      assert.equal(guarded.article, 'computed');

      const callback = await rpc.call('svc', '/callback').catch((error: unknown) => error);
      assert.ok(callback instanceof OutOfStock);
      assert.equal(callback.article, 'milk', 'a function among its fields does not cost the others');
    });
  }

  test('a caller that does not declare the class gets an RpcError with everything', async () => {
    const { caller, callee } = await cluster.pair(handlers);
    declare(callee);
    const error = await failure(caller.rpc.call('svc', '/stock'));
    assert.ok(error instanceof RpcError && !(error instanceof OutOfStock));
    assert.deepEqual([error.code, error.reason, error.message, error.details], ['FAILED_PRECONDITION', 'OUT_OF_STOCK', '0 of bread left', { article: 'bread', left: 0 }]);
  });

  test('no stack, no cause and no undeclared message leaves the process', async () => {
    const { caller, callee } = await cluster.pair({
      ...handlers,
      '/plain': () => {
        throw new Error('top-secret');
      },
      '/cause': () => {
        throw new RpcError({ code: 'ABORTED', message: 'm', cause: new Error('top-secret') });
      },
      '/details': () => {
        throw new RpcError({ code: 'ABORTED', message: 'm', details: new Error('top-secret') });
      },
    });
    declare(callee);
    for (const path of callee.server('svc').paths()) await failure(caller.rpc.call('svc', path));
    await settle();
    assert.ok(cluster.posted.length >= 16);
    for (const { bytes } of cluster.posted) {
      const text = Buffer.from(bytes).toString('latin1');
      for (const forbidden of ['top-secret', 'errors.test', ' at ', 'node_modules', 'file://']) assert.ok(!text.includes(forbidden), `${forbidden} in ${text}`);
    }
  });

  test('the log has the original under the correlation id', async () => {
    const original = new Error('the cause');
    const { caller, callee } = await cluster.pair({ '/fail': () => Promise.reject(original) });
    const error = await failure(caller.rpc.call('svc', '/fail'));
    const lines = callee.log.filter(({ level }) => level === 'error');
    assert.equal(lines.length, 1);
    assert.deepEqual({ ...lines[0]!.fields, node: '' }, { node: '', path: '/fail', handler: 'Test./fail', correlationId: error.metadata['correlationId'], error: original });
    assert.deepEqual(caller.log.filter(({ level }) => level === 'error'), []);
  });

  test('a logger that cannot read what was thrown changes nothing for the caller', async () => {
    const lines: unknown[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (_message: string, fields?: Readonly<Record<string, unknown>>) => void lines.push(String((fields!['error'] as Error).message ?? fields!['error'])) };
    const { caller } = await cluster.pair(
      {
        '/fail': () => {
          throw new Proxy(new Error('x'), {
            get() {
              throw new Error('trap');
            },
          });
        },
      },
      { logger },
    );
    assert.equal((await failure(caller.rpc.call('svc', '/fail'))).reason, 'HANDLER_FAILED');
    assert.equal(lines.length, 1);
  });

  test('mapError gives foreign errors a meaning; one that throws is as if it were not there', async () => {
    const mapError = (error: unknown): RpcError | undefined => {
      if ((error as Error).message === 'broken') throw new Error('in mapError');
      return (error as Error).message === 'mapped' ? new RpcError({ code: 'NOT_FOUND', reason: 'MAPPED', message: 'm' }) : undefined;
    };
    const { caller } = await cluster.pair({ '/fail': ([message]) => Promise.reject(new Error(message as string)) }, { mapError });
    assert.equal((await failure(caller.rpc.call('svc', '/fail', ['mapped']))).reason, 'MAPPED');
    assert.equal((await failure(caller.rpc.call('svc', '/fail', ['other']))).reason, 'HANDLER_FAILED');
    assert.equal((await failure(caller.rpc.call('svc', '/fail', ['broken']))).reason, 'HANDLER_FAILED');
  });

  for (const [what, make] of [
    ['a message of 3 MB', () => new RpcError({ code: 'ABORTED', reason: 'LARGE', message: 'x'.repeat(3_000_000) })],
    ['metadata of 3 MB', () => new RpcError({ code: 'ABORTED', reason: 'LARGE', message: 'm', metadata: { a: 'x'.repeat(3_000_000) } })],
    ['details of 3 MB', () => new RpcError({ code: 'ABORTED', reason: 'LARGE', message: 'm', details: 'x'.repeat(3_000_000) })],
    ['a reason of 3 MB', () => new RpcError({ code: 'ABORTED', reason: 'LARGE'.repeat(600_000), message: 'm' })],
    ['metadata that is no string', () => new RpcError({ code: 'ABORTED', reason: 'LARGE', message: 'm', metadata: { a: Object.create(null) as string } })],
  ] as const) {
    test(`an error with ${what} still arrives`, async () => {
      const { caller, callee } = await cluster.pair({
        '/fail': () => {
          throw make();
        },
      });
      for (const { rpc } of [caller, callee]) {
        const error = await failure(rpc.call('svc', '/fail'));
        assert.equal(error.code, 'ABORTED');
        assert.match(error.reason, /^LARGE/);
      }
    });
  }
});

describe('ErrorTypes', () => {
  test('reasons are made of class names', () => {
    for (const [name, reason] of [['OutOfStock', 'OUT_OF_STOCK'], ['PaymentError', 'PAYMENT'], ['Error', 'ERROR'], ['HTTP2Error', 'HTTP2'], ['A', 'A']]) assert.equal(reasonOf(name!), reason);
  });

  test('a remote error cannot overwrite what revival relies on, nor pollute prototypes', () => {
    const types = new ErrorTypes([{ type: OutOfStock, code: 'ABORTED', reason: 'X' }]);
    const details = JSON.parse('{"__proto__":{"polluted":1},"constructor":"c","toString":"t","message":"m2","stack":"s","code":"OK","remote":false,"article":"a"}') as object;
    const revived = types.revive(new RpcError({ code: 'ABORTED', reason: 'X', message: 'm', details, remote: true })) as OutOfStock & RpcError & { polluted?: unknown };
    assert.ok(revived instanceof OutOfStock);
    assert.deepEqual([revived.message, revived.code, revived.remote, revived.article], ['m', 'ABORTED', true, 'a']);
    assert.equal(revived.polluted, undefined);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });

  test('undeclared errors are left alone', () => {
    const types = new ErrorTypes();
    const error = new RpcError({ code: 'ABORTED', message: 'm' });
    assert.equal(types.revive(error), error);
    assert.equal(types.toWire(new Error('x')), undefined);
    assert.equal(types.toWire('x'), undefined);
  });
});

test('every reason of the library is upper snake and has one of the codes', () => {
  const reasons = Object.keys(RPC_REASONS);
  assert.deepEqual(reasons, [...reasons].sort(), 'sorted');
  for (const reason of reasons) assert.match(reason, /^[A-Z][A-Z0-9_]*$/);
});
