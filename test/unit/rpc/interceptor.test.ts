import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { RpcError } from '../../../lib/common/rpc-error.js';
import type { CallInfo, Interceptor } from '../../../lib/rpc/interceptor.js';
import { hostile } from './scenario.js';
import { descriptor, Cluster, deferred, failure, settle, type TestProcess } from './support.js';

describe('interceptors and hooks', () => {
  let cluster = new Cluster();
  afterEach(async () => {
    await cluster.stop();
    cluster = new Cluster();
  });

  const note = (log: string[], name: string): Interceptor => async (_call, next) => {
    log.push(`${name}>`);
    try {
      return await next();
    } finally {
      log.push(`<${name}`);
    }
  };

  /** Client interceptors and server interceptors around `/echo`, called locally and remotely. */
  async function around(client: readonly Interceptor[], server: readonly Interceptor[], run: (rpc: TestProcess['rpc'], where: string) => Promise<void>): Promise<void> {
    for (const where of ['local', 'remote']) {
      const callee = await cluster.start([{ type: 'svc', id: 'n', handlers: { '/echo': ([value]) => value, '/fail': () => Promise.reject(new RpcError({ code: 'ABORTED', message: 'm' })) } }], {
        serverInterceptors: server,
        clientInterceptors: client,
      });
      const caller = where === 'local' ? callee : await cluster.start([], { clientInterceptors: client });
      await run(caller.rpc, where);
      await cluster.stop();
    }
  }

  test('the first of the list is the outermost, on both sides', async () => {
    const log: string[] = [];
    await around([note(log, 'c1'), note(log, 'c2')], [note(log, 's1'), note(log, 's2')], async (rpc) => {
      assert.equal(await rpc.call('svc', '/echo', [1]), 1);
      assert.deepEqual(log.splice(0), ['c1>', 'c2>', 's1>', 's2>', '<s2', '<s1', '<c2', '<c1']);
      await failure(rpc.call('svc', '/fail'));
      assert.deepEqual(log.splice(0), ['c1>', 'c2>', 's1>', 's2>', '<s2', '<s1', '<c2', '<c1']);
    });
  });

  test('what they see', async () => {
    const seen: Partial<CallInfo>[] = [];
    const see: Interceptor = async (call, next) => {
      const { side, target, path, args } = call;
      const before = call.node;
      const reply = await next();
      seen.push({ side, target, path, args: [...args], node: call.node });
      assert.equal(before, undefined);
      return reply;
    };
    await around([see], [see], async (rpc) => {
      await rpc.call('svc', '/echo', [1]);
      const [server, client] = seen.splice(0);
      assert.deepEqual({ ...server, node: undefined }, { side: 'server', target: 'svc@n', path: '/echo', args: [1], node: undefined });
      assert.equal(client!.side, 'client');
      assert.equal(client!.target, 'svc');
      assert.equal(client!.node?.id, 'svc@n');
    });
  });

  test('they replace arguments, add metadata, change the reply and answer in its place', async () => {
    const client: Interceptor = async (call, next) => {
      if (call.args[0] === 'short') return 'cut';
      call.args = [`${call.args[0] as string}+c`];
      call.metadata['token'] = 't';
      return `${(await next()) as string}>c`;
    };
    const server: Interceptor = async (call, next) => {
      assert.equal(call.metadata['token'], 't');
      call.args = [`${call.args[0] as string}+s`];
      return `${(await next()) as string}>s`;
    };
    await around([client], [server], async (rpc) => {
      assert.equal(await rpc.call('svc', '/echo', ['a']), 'a+c+s>s>c');
      assert.equal(await rpc.call('svc', '/echo', ['short']), 'cut');
    });
  });

  test("metadata that an interceptor adds is not written into the caller's options", async () => {
    const metadata = { a: '1' };
    const add: Interceptor = (call, next) => ((call.metadata['b'] = '2'), next());
    await around([add], [], async (rpc) => {
      await rpc.call('svc', '/echo', [1], { metadata });
      assert.deepEqual(metadata, { a: '1' });
    });
  });

  test('next twice is an error, on both sides, and the handler runs once', async () => {
    const twice: Interceptor = async (_call, next) => (await next(), next());
    await around([twice], [], async (rpc) => {
      const error = await failure(rpc.call('svc', '/echo', [1]));
      assert.deepEqual([error.code, error.reason], ['INTERNAL', 'CLIENT_HOOK_FAILED']);
      assert.match(error.message, /called next\(\) twice/);
    });
    await around([], [twice], async (rpc) => assert.equal((await failure(rpc.call('svc', '/echo', [1]))).reason, 'HANDLER_FAILED'));
  });

  test('what an interceptor throws: an RpcError as it is, all else wrapped; always an RpcError for the caller', async () => {
    const thrower: Interceptor = (call) => {
      throw call.args[0] === 'ours' ? new RpcError({ code: 'PERMISSION_DENIED', reason: 'NO', message: 'm' }) : new Error('plain');
    };
    await around([thrower], [], async (rpc) => {
      assert.equal((await failure(rpc.call('svc', '/echo', ['ours']))).reason, 'NO');
      const error = await failure(rpc.call('svc', '/echo', ['other']));
      assert.equal(error.reason, 'CLIENT_HOOK_FAILED');
      assert.equal((error.cause as Error).message, 'plain');
    });
    await around([], [thrower], async (rpc) => {
      const error = await failure(rpc.call('svc', '/echo', ['ours']));
      assert.deepEqual([error.code, error.reason], ['PERMISSION_DENIED', 'NO']);
      assert.equal((await failure(rpc.call('svc', '/echo', ['other']))).reason, 'HANDLER_FAILED');
    });
  });

  test('a declared error that an interceptor throws stays itself; what cannot be read is wrapped too', async () => {
    class Declared extends Error {}
    const thrower: Interceptor = (call) => {
      throw call.args[0] === 'declared' ? new Declared('d') : hostile();
    };
    const { rpc, runtime } = await cluster.start([], { clientInterceptors: [thrower] });
    runtime.errorTypes.add({ type: Declared, code: 'ABORTED', reason: 'DECLARED' });
    await assert.rejects(rpc.call('svc', '/x', ['declared']), Declared);
    assert.equal((await failure(rpc.call('svc', '/x', ['hostile']))).reason, 'CLIENT_HOOK_FAILED');
  });

  test('they see notifications too', async () => {
    const log: string[] = [];
    await around([note(log, 'c')], [note(log, 's')], async (rpc) => {
      await rpc.notify('svc', '/echo', [1]);
      await settle();
      assert.deepEqual(log.splice(0).sort(), ['<c', '<s', 'c>', 's>']);
    });
  });

  test('a handler whose call ended while an interceptor or the hook before took its time does not start, nor outside of its lane', async () => {
    for (const kind of ['interceptor', 'hook'] as const) {
      const gate = deferred();
      let started = 0;
      const wait: Interceptor = async (_call, next) => (await gate.promise, next());
      const { caller } = await cluster.pair(
        { '/go': { run: () => ++started, abandonMs: 10 } },
        kind === 'interceptor' ? { serverInterceptors: [wait] } : {},
        kind === 'hook' ? { before: () => gate.promise } : undefined,
      );
      const call = failure(caller.rpc.call('svc', '/go', [], { timeoutMs: 100 }));
      await settle();
      cluster.clock.advance(500);
      assert.equal((await call).code, 'DEADLINE_EXCEEDED');
      gate.resolve();
      await settle();
      assert.equal(started, 0, kind);
      await cluster.stop();
    }
  });

  test('hooks: before, complete and error, with what they are promised', async () => {
    const log: unknown[] = [];
    const hooks = {
      before: ({ path, args }: { path: string; args: readonly unknown[] }) => void log.push(['before', path, [...args]]),
      complete: ({ path }: { path: string }, result: unknown, ms: number) => void log.push(['complete', path, result, ms]),
      error: ({ path }: { path: string }, error: RpcError) => void log.push(['error', path, error.reason]),
    };
    const { caller } = await cluster.pair(
      {
        '/slow': async ([value]) => (await settle(1), cluster.clock.advance(30), value),
        '/fail': () => Promise.reject(new Error('x')),
        '/two': { run: () => 0, arity: { min: 2, max: 2 } },
      },
      {},
      hooks,
    );
    await caller.rpc.call('svc', '/slow', ['v']);
    await failure(caller.rpc.call('svc', '/fail'));
    await failure(caller.rpc.call('svc', '/two'));
    assert.deepEqual(log, [
      ['before', '/slow', ['v']],
      ['complete', '/slow', 'v', 30],
      ['before', '/fail', []],
      ['error', '/fail', 'HANDLER_FAILED'],
      ['error', '/two', 'ARGUMENT_COUNT'],
    ]);
  });

  test('the hook before may refuse; what complete and error throw is logged and changes nothing', async () => {
    const { caller, callee } = await cluster.pair({ '/go': ([value]) => (value === 'fail' ? Promise.reject(new Error('x')) : value) }, {}, {
      before: ({ args }) => {
        if (args[0] === 'no') throw new RpcError({ code: 'PERMISSION_DENIED', reason: 'NO', message: 'm' });
      },
      complete: () => {
        throw new Error('in complete');
      },
      error: () => {
        throw new Error('in error');
      },
    });
    assert.equal(await caller.rpc.call('svc', '/go', [1]), 1);
    assert.equal((await failure(caller.rpc.call('svc', '/go', ['no']))).reason, 'NO');
    assert.equal((await failure(caller.rpc.call('svc', '/go', ['fail']))).reason, 'HANDLER_FAILED');
    const messages = callee.log.filter(({ level }) => level === 'error').map(({ message }) => message);
    assert.deepEqual(messages, ['the server hook "complete" threw', 'the server hook "error" threw', 'a handler failed', 'the server hook "error" threw']);
  });

  test('the hook unknown supplies a handler once; one that throws or supplies nonsense leaves the path unknown', async () => {
    const asked: string[] = [];
    const { caller, callee } = await cluster.pair({ '/known': () => 1 }, {}, {
      unknown: (path) => {
        asked.push(path);
        if (path === '/throws') throw new Error('in unknown');
        if (path === '/nonsense') return descriptor('/x', { run: () => 0, concurrent: -1 });
        return path.startsWith('/dyn/') ? descriptor('/other', ([value]) => `${path} ${String(value)}`) : undefined;
      },
    });
    for (const { rpc } of [caller, callee]) {
      assert.equal(await rpc.call('svc', '/dyn/a', [1]), '/dyn/a 1');
      for (const path of ['/throws', '/nonsense', '/nothing']) assert.equal((await failure(rpc.call('svc', path))).reason, 'HANDLER_NOT_FOUND');
    }
    assert.deepEqual(asked.filter((path) => path === '/dyn/a'), ['/dyn/a']);
    assert.equal(callee.log.filter(({ message }) => message.includes('"unknown" failed')).length, 4);
  });

  test('strangers cannot fill the table through the hook unknown', async () => {
    const { callee } = await cluster.pair({ '/known': () => 1 }, {}, { unknown: (path) => descriptor(path, { run: () => path, lane: 'handler' }) });
    const server = callee.server('svc');
    for (let i = 0; i < 11_000; i++) server.lookup(`/p${i}`);
    assert.equal([...server.paths()].length, 10_001);
    assert.equal([...server.lanes()].length, 10_000);
    assert.ok(server.lookup('/p1'));
    assert.equal(callee.log.filter(({ level }) => level === 'warn').length, 1);
  });
});
