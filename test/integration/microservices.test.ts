import 'reflect-metadata';
import { type INestMicroservice } from '@nestjs/common';
import { type ClientProxy } from '@nestjs/microservices';
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { firstValueFrom, lastValueFrom, timeout, toArray } from 'rxjs';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import type { RpcContext } from '../../lib/common/call-context.js';
import { AnthillClientProxy } from '../../lib/microservices/anthill.client-proxy.js';
import { AnthillRecord } from '../../lib/microservices/anthill-record.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { Ctx as AnthillCtx } from '../../lib/metadata/params.decorator.js';
import { Journal, MathController, patternSuite } from '../unit/microservices/patterns.suite.js';
import { caller, inMemory, microservice, rootModule, rpcError, until } from '../unit/microservices/support.js';

@RpcModule({ type: 'anthill' })
class Native {
  @Handler('/echo', { concurrent: true })
  echo(value: unknown, @AnthillCtx() context: RpcContext) {
    return { value, trace: context.metadata['trace'] };
  }

  @Handler('{"cmd":"twice"}', { concurrent: true })
  twice(value: number) {
    return value * 2;
  }

  @Handler('/slow', { concurrent: true })
  async slow(_value: unknown, @AnthillCtx() context: RpcContext) {
    this.signals.push(context.signal);
    await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
  }

  @Handler('/heard', { concurrent: true })
  heard(value: string) {
    this.words.push(value);
    this.onWord?.();
  }

  readonly signals: AbortSignal[] = [];
  readonly words: string[] = [];
  onWord: (() => void) | undefined;
}

const world = async () => ({ plugs: inMemory(), close: async () => undefined });
patternSuite('in another process', 'elsewhere', world);
patternSuite('in the same process', 'here', world);

describe('AnthillClientProxy', () => {
  const plugs = inMemory();
  let service: RpcApplication;
  let nest: INestMicroservice;
  let app: RpcApplication;
  let client: ClientProxy;
  let native: Native;

  before(async () => {
    service = await caller(plugs, [Native]);
    native = service.get(Native);
    nest = await microservice(rootModule(plugs, { controllers: [MathController], providers: [Journal] }), { type: 'math' });
    await nest.listen();
    app = await caller(plugs);
    client = new AnthillClientProxy({ rpc: app.rpc, target: 'anthill', metadata: { trace: 'default' } });
  });
  after(async () => {
    await app?.stop();
    await nest?.close();
    await service?.stop();
  });

  it('sends to handlers of Anthill', async () => {
    assert.deepEqual(await firstValueFrom(client.send('/echo', { a: [1] })), { value: { a: [1] }, trace: 'default' });
    assert.equal(await lastValueFrom(client.send({ cmd: 'twice' }, 21)), 42);
  });

  it('sends to Nest\'s controllers, and gives what Nest\'s clients give', async () => {
    const math = new AnthillClientProxy({ rpc: () => app.rpc, target: 'math' });
    assert.equal(await firstValueFrom(math.send({ cmd: 'sum' }, [1, 2])), 3);
    assert.deepEqual(await lastValueFrom(math.send('null value', 0).pipe(toArray())), [null]);
    assert.deepEqual(await lastValueFrom(math.send('nothing', 0).pipe(toArray())), [null]);
    await assert.rejects(firstValueFrom(math.send('rpc exception', 0)), rpcError('NOT_FOUND', /no user 7/, { remote: true, details: { id: 7 } }));
  });

  it('is cold: each subscription is a call, none is none', async () => {
    native.words.length = 0;
    const heard = client.send('/heard', 'x');
    assert.deepEqual(native.words, []);
    await lastValueFrom(heard, { defaultValue: undefined });
    await lastValueFrom(heard, { defaultValue: undefined });
    assert.deepEqual(native.words, ['x', 'x']);
  });

  it('emit is hot, and completes when the event is handed over', async () => {
    native.words.length = 0;
    const word = new Promise<void>((resolve) => (native.onWord = resolve));
    client.emit('/heard', 'event');
    await word;
    native.onWord = undefined;
    await lastValueFrom(client.emit('/heard', 'again'), { defaultValue: undefined });
    await until(() => native.words.length === 2);
    assert.deepEqual(native.words, ['event', 'again']);
  });

  it('unsubscribing cancels the call at the callee, rxjs\' timeout too', async () => {
    native.signals.length = 0;
    const subscription = client.send('/slow', 1).subscribe();
    await until(() => native.signals.length === 1);
    subscription.unsubscribe();
    await until(() => native.signals[0]!.aborted);
    await assert.rejects(firstValueFrom(client.send('/slow', 1).pipe(timeout(30))), /Timeout/);
    await until(() => native.signals.length === 2 && native.signals[1]!.aborted);
  });

  it('close cancels what is in flight, and the next call works', async () => {
    native.signals.length = 0;
    const states: string[] = [];
    const watching = client.status.subscribe((state) => states.push(String(state)));
    const call = firstValueFrom(client.send('/slow', 1));
    await until(() => native.signals.length === 1);
    client.close();
    await assert.rejects(call, rpcError('CANCELLED', /slow/));
    assert.equal(await firstValueFrom(client.send({ cmd: 'twice' }, 2)), 4);
    watching.unsubscribe();
    assert.deepEqual(states, ['connected', 'disconnected', 'connected']);
  });

  it('a record carries options of its call', async () => {
    assert.deepEqual(await firstValueFrom(client.send('/echo', new AnthillRecord('x', { metadata: { trace: 'own' } }))), { value: 'x', trace: 'own' });
    await assert.rejects(firstValueFrom(client.send('/slow', new AnthillRecord('x', { timeoutMs: 20 }))), rpcError('DEADLINE_EXCEEDED', /slow/));
  });

  it('sends what a dispatch hook adds', async () => {
    const hooked = new AnthillClientProxy({ rpc: app.rpc, target: 'anthill' });
    hooked.setOnDispatchHook((packet) => (packet.metadata = { trace: 'hooked' }));
    assert.deepEqual(await firstValueFrom(hooked.send('/echo', 1)), { value: 1, trace: 'hooked' });
  });

  it('refuses what Nest\'s clients refuse, and unwraps to Rpc', async () => {
    await assert.rejects(firstValueFrom(client.send('/echo', undefined)), /InvalidMessage|invalid/i);
    assert.equal(client.unwrap(), app.rpc);
    await assert.rejects(firstValueFrom(client.send('/nope', 1)), rpcError('NOT_FOUND', /nope/));
  });
});
