import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { BootError } from '../../../lib/common/boot-error.js';
import { AnthillClientProxy } from '../../../lib/microservices/anthill.client-proxy.js';
import { AnthillRecord } from '../../../lib/microservices/anthill-record.js';
import type { Rpc } from '../../../lib/rpc/rpc.client.js';

type Call = { verb: string; target: string; path: string; args: unknown[]; options: Record<string, unknown> };

/** Answers every call with 'reply' and keeps what it was asked. */
function recorder(): { rpc: Rpc; calls: Call[] } {
  const calls: Call[] = [];
  const verb = (name: string) => async (target: string, path: string, args: unknown[], options: Record<string, unknown>) => (calls.push({ verb: name, target, path, args, options }), 'reply');
  return { calls, rpc: { call: verb('call'), notify: verb('notify') } as unknown as Rpc };
}

describe('AnthillClientProxy', () => {
  it('send is call, emit is notify: pattern as path, payload as the one argument', async () => {
    const { rpc, calls } = recorder();
    const client = new AnthillClientProxy({ rpc, target: 'math@1', timeoutMs: 100 });
    assert.equal(await firstValueFrom(client.send({ b: 1, a: { c: 'x' } }, [1])), 'reply');
    await lastValueFrom(client.emit(7, 'event'), { defaultValue: undefined });
    assert.deepEqual(
      calls.map(({ verb, target, path, args, options }) => [verb, target, path, args, options['timeoutMs']]),
      [
        ['call', 'math@1', '{"a":{"c":"x"},"b":1}', [[1]], 100],
        ['notify', 'math@1', '7', ['event'], 100],
      ],
    );
  });

  it('metadata of client, hook and record add up, the nearest wins', async () => {
    const { rpc, calls } = recorder();
    const client = new AnthillClientProxy({ rpc: () => rpc, target: 'x', metadata: { a: 'client', b: 'client', c: 'client' } });
    client.setOnDispatchHook((packet) => (packet.metadata = { b: 'hook', c: 'hook' }));
    await firstValueFrom(client.send('p', new AnthillRecord('data', { metadata: { c: 'record' }, redirects: 0 })));
    assert.deepEqual(calls[0]!.options['metadata'], { a: 'client', b: 'hook', c: 'record' });
    assert.equal(calls[0]!.options['redirects'], 0);
    assert.deepEqual(calls[0]!.args, ['data']);
  });

  it('an own signal of the options cancels too', async () => {
    const { rpc, calls } = recorder();
    const abort = new AbortController();
    await firstValueFrom(new AnthillClientProxy({ rpc, target: 'x' }).send('p', new AnthillRecord(1, { signal: abort.signal })));
    const signal = calls[0]!.options['signal'] as AbortSignal;
    assert.equal(signal.aborted, false);
    abort.abort();
    assert.equal(signal.aborted, true);
    assert.equal(new AnthillClientProxy({ rpc, target: 'x' }).unwrap(), rpc);
  });

  it('asks for the client when it is first needed, and passes on why there is none', async () => {
    const client = new AnthillClientProxy({ rpc: () => assert.fail('no app yet'), target: 'x' });
    await assert.rejects(firstValueFrom(client.send('p', 1)), /no app yet/);
    await assert.rejects(lastValueFrom(client.emit('p', 1)), /no app yet/);
  });

  it('says what it needs', () => {
    for (const options of [{}, { target: 'x' }, { rpc: recorder().rpc, target: '' }, undefined]) {
      assert.throws(() => new AnthillClientProxy(options as never), (error) => error instanceof BootError && error.reason === 'CLIENT_PROXY' && /rpc, target.*anthillClient/.test(error.message));
    }
  });
});
