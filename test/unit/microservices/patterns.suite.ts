import 'reflect-metadata';
import { BadRequestException, Controller, Injectable, type INestMicroservice } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException, Transport } from '@nestjs/microservices';
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { from, Observable, of } from 'rxjs';
import { RpcApplication } from '../../../lib/bootstrap/rpc.application.js';
import { RpcContext } from '../../../lib/common/call-context.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { Ctx as AnthillCtx, Meta } from '../../../lib/metadata/params.decorator.js';
import { caller, microservice, rootModule, rpcError, until, type Plugs } from './support.js';

@Injectable()
export class Journal {
  readonly lines: string[] = [];
}

/** Nothing in here knows of Anthill. */
@Controller()
export class MathController {
  running = 0;
  peak = 0;
  private release: (() => void)[] = [];

  constructor(private readonly journal: Journal) {}

  @MessagePattern({ cmd: 'sum' })
  sum(numbers: number[]): number {
    return numbers.reduce((a, b) => a + b, 0);
  }

  @MessagePattern('promise')
  async promise(@Payload('name') name: string): Promise<string> {
    return `hi ${name}`;
  }

  @MessagePattern('stream')
  stream(): Observable<number> {
    return from([1, 2, 3]);
  }

  @MessagePattern('deferred')
  async deferred(): Promise<Observable<string>> {
    return of('later');
  }

  @MessagePattern('nothing')
  nothing(): void {}

  @MessagePattern('null value')
  null(): null {
    return null;
  }

  @MessagePattern('ctx')
  ctx(@Payload() data: unknown, @Ctx() context: RpcContext, @AnthillCtx() again: RpcContext, @Meta('trace') trace: Meta<string>): unknown {
    return { data, isContext: context instanceof RpcContext && again === context && trace === context.metadata['trace'], path: context.path, trace: context.metadata['trace'], caller: context.caller };
  }

  @MessagePattern(['one', 'two'])
  both(@Ctx() context: RpcContext): string {
    return context.path;
  }

  @MessagePattern('together')
  async together(): Promise<void> {
    this.peak = Math.max(this.peak, ++this.running);
    // All are in at once, or this waits for ever.
    await new Promise<void>((resolve) => {
      this.release.push(resolve);
      if (this.release.length === 3) for (const go of this.release.splice(0)) go();
    });
    this.running--;
  }

  @MessagePattern('serial', { anthill: { concurrent: false } })
  async serial(): Promise<number> {
    this.peak = Math.max(this.peak, ++this.running);
    await new Promise((resolve) => setImmediate(resolve));
    return this.running--;
  }

  @MessagePattern('hang')
  hang(@Ctx() context: RpcContext): Observable<never> {
    return new Observable<never>(() => {
      this.journal.lines.push('hanging');
      context.signal.addEventListener('abort', () => this.journal.lines.push('aborted'));
      return () => this.journal.lines.push('unsubscribed');
    });
  }

  @MessagePattern('rpc exception')
  rpcException(): never {
    throw new RpcException({ code: 'NOT_FOUND', reason: 'NO_SUCH_USER', message: 'no user 7', id: 7 });
  }

  @MessagePattern('rpc text')
  rpcText(): never {
    throw new RpcException('just words');
  }

  @MessagePattern('http exception')
  httpException(): never {
    throw new BadRequestException('bad words');
  }

  @MessagePattern('rpc error')
  rpcError(): Observable<never> {
    throw new RpcError({ code: 'ABORTED', reason: 'TRY_LATER', message: 'not now' });
  }

  @MessagePattern('bug')
  bug(): never {
    throw new Error('secret of the house');
  }

  @MessagePattern('only tcp', Transport.TCP)
  onlyTcp(): string {
    return 'tcp';
  }

  @EventPattern('ordered')
  first(id: number): void {
    this.journal.lines.push(`first ${id}`);
    throw new RpcException('the first one fails');
  }

  @EventPattern('ordered')
  second(id: number): Observable<number> {
    return new Observable((observer) => {
      this.journal.lines.push(`second ${id}`);
      observer.complete();
    });
  }
}

/**
 * What a caller may rely on of Nest's controllers, whatever is between the two.
 * @param world makes the plug-ins before the tests, and takes them away after
 */
export function patternSuite(name: string, where: 'elsewhere' | 'here', world: () => Promise<{ plugs: Plugs; close(): Promise<unknown> }>): void {
  describe(`message patterns, called ${name}`, { timeout: 30_000 }, () => {
    let close: () => Promise<unknown>;
    let service: INestMicroservice;
    let elsewhere: RpcApplication;
    let rpc: RpcApplication['rpc'];
    let journal: Journal;

    before(async () => {
      const made = await world();
      const { plugs } = made;
      close = () => made.close();
      service = await microservice(rootModule(plugs, { controllers: [MathController], providers: [Journal] }), { type: 'math', version: '1.2.3' });
      await service.listen();
      elsewhere = await caller(plugs);
      rpc = where === 'elsewhere' ? elsewhere.rpc : service.get(RpcApplication).rpc;
      journal = service.get(Journal);
    });
    after(async () => {
      await elsewhere?.stop();
      await service?.close();
      await close?.();
    });

    it('are in the registry with type and version', async () => {
      const [node] = await rpc.nodes('math');
      assert.equal(node?.version, '1.2.3');
    });

    it('object patterns are Nest\'s string', async () => {
      assert.equal(await rpc.call('math', '{"cmd":"sum"}', [[1, 2, 3]]), 6);
    });

    it('answer with promises, observables, promises of observables', async () => {
      assert.equal(await rpc.call('math', 'promise', [{ name: 'x' }]), 'hi x');
      assert.equal(await rpc.call('math', 'stream', []), 3);
      assert.equal(await rpc.call('math', 'deferred'), 'later');
      assert.equal(await rpc.call('math', 'null value'), null);
      assert.equal(await rpc.call('math', 'nothing'), null);
    });

    it('get the RpcContext as Nest\'s context', async () => {
      const seen = await rpc.call('math', 'ctx', ['x'], { metadata: { trace: 't1' }, caller: 'me' });
      assert.deepEqual(seen, { data: 'x', isContext: true, path: 'ctx', trace: 't1', caller: 'me' });
    });

    it('one method may have several', async () => {
      assert.equal(await rpc.call('math', 'one'), 'one');
      assert.equal(await rpc.call('math', 'two'), 'two');
    });

    it('run at the same time, unless their extras say otherwise', async () => {
      const controller = service.get(MathController);
      await Promise.all([1, 2, 3].map(() => rpc.call('math', 'together')));
      assert.equal(controller.peak, 3);
      controller.peak = 0;
      await Promise.all([1, 2, 3].map(() => rpc.call('math', 'serial')));
      assert.equal(controller.peak, 1);
    });

    it('are unsubscribed from when the caller gives up', async () => {
      journal.lines.length = 0;
      const abort = new AbortController();
      const call = rpc.call('math', 'hang', [], { signal: abort.signal });
      await until(() => journal.lines.length === 1);
      abort.abort();
      await assert.rejects(call, rpcError('CANCELLED', /hang/));
      await until(() => journal.lines.length === 3);
      assert.deepEqual(journal.lines, ['hanging', 'aborted', 'unsubscribed']);
    });

    it('take one argument', async () => {
      await assert.rejects(rpc.call('math', 'promise', [1, 2]), rpcError('INVALID_ARGUMENT', /takes 0 to 1 argument/));
    });

    it('of another transport are not served', async () => {
      await assert.rejects(rpc.call('math', 'only tcp'), rpcError('NOT_FOUND', /only tcp/));
    });

    it('errors keep what they mean', async () => {
      await assert.rejects(rpc.call('math', 'rpc exception'), rpcError('NOT_FOUND', /^no user 7$/, { reason: 'NO_SUCH_USER', details: { id: 7 } }));
      await assert.rejects(rpc.call('math', 'rpc text'), rpcError('UNKNOWN', /^just words$/, { details: undefined }));
      await assert.rejects(rpc.call('math', 'http exception'), rpcError('INVALID_ARGUMENT', /^bad words$/, { metadata: { status: '400' } }));
      await assert.rejects(rpc.call('math', 'rpc error'), rpcError('ABORTED', /^not now$/, { reason: 'TRY_LATER' }));
      await assert.rejects(rpc.call('math', 'bug'), (error) => rpcError('INTERNAL', /failed; its log has the cause/)(error) && !JSON.stringify(error).includes('secret'));
    });

    it('all event handlers of a pattern run, whatever becomes of the others', async () => {
      journal.lines.length = 0;
      await rpc.notify('math', 'ordered', [7]);
      await until(() => journal.lines.length === 2);
      assert.deepEqual(journal.lines, ['first 7', 'second 7']);
      await assert.rejects(rpc.call('math', 'ordered', [8]), rpcError('UNKNOWN', /^the first one fails$/));
    });
  });
}
