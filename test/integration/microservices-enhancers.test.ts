import 'reflect-metadata';
import {
  Catch,
  Controller,
  Get,
  Inject,
  Injectable,
  NotFoundException,
  ParseIntPipe,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestMicroservice,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, NestFactory, REQUEST } from '@nestjs/core';
import { BaseRpcExceptionFilter, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { IsInt } from 'class-validator';
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { map, of, throwError, type Observable } from 'rxjs';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { RpcContext } from '../../lib/common/call-context.js';
import { anthillMicroservice } from '../../lib/microservices/nest-options.js';
import { PlainHttpAdapter } from '../unit/microservices/plain-http.adapter.js';
import { caller, inMemory, microservice, RecordingLogger, rootModule, rpcError, until } from '../unit/microservices/support.js';

@Injectable()
class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToRpc().getContext<RpcContext>().metadata['key'] === 'open';
  }
}

@Injectable()
class Shout implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value) => `${String(value)}!`));
  }
}

@Catch(NotFoundException)
class AsReply implements ExceptionFilter {
  catch(error: NotFoundException): Observable<string> {
    return of(`caught ${error.message}`);
  }
}

@Catch(RangeError)
class AsPayload implements ExceptionFilter {
  catch(error: RangeError): Observable<never> {
    return throwError(() => ({ code: 'OUT_OF_RANGE', message: error.message, by: 'filter' }));
  }
}

@Catch()
class LoggingFilter extends BaseRpcExceptionFilter {
  override catch(error: RpcException, host: ArgumentsHost): Observable<unknown> {
    return super.catch(error, host) as Observable<unknown>;
  }
}

class Numbered {
  @IsInt()
  n!: number;
}

@Injectable({ scope: Scope.REQUEST })
class Visit {
  private static count = 0;
  readonly number = ++Visit.count;
  constructor(@Inject(REQUEST) readonly request: { getPattern(): string; getContext(): RpcContext }) {}
}

@Controller()
class Guarded {
  @UseGuards(KeyGuard)
  @MessagePattern('guarded')
  guarded(): string {
    return 'in';
  }

  @UseInterceptors(Shout)
  @MessagePattern('shouted')
  shouted(word: string): string {
    return word;
  }

  @UsePipes(new ValidationPipe())
  @MessagePattern('validated')
  validated(@Payload() body: Numbered): number {
    return body.n;
  }

  @MessagePattern('parsed')
  parsed(@Payload(ParseIntPipe) n: number): number {
    return n + 1;
  }

  @UseFilters(AsReply, AsPayload)
  @MessagePattern('filtered')
  filtered(kind: string): never {
    if (kind === 'reply') throw new NotFoundException('nobody');
    if (kind === 'payload') throw new RangeError('too far');
    throw new TypeError('neither');
  }

  @UseFilters(LoggingFilter)
  @MessagePattern('logged')
  logged(): never {
    throw new NotFoundException('nowhere');
  }
}

@Controller()
class Visited {
  static seen: string[] = [];
  constructor(private readonly visit: Visit) {}

  @MessagePattern('visit')
  number(): { number: number; pattern: string; isContext: boolean } {
    const { number, request } = this.visit;
    return { number, pattern: request.getPattern(), isContext: request.getContext() instanceof RpcContext };
  }

  @EventPattern('visited')
  one(_data: unknown): void {
    Visited.seen.push(`one ${this.visit.number}`);
  }

  @EventPattern('visited')
  two(_data: unknown): void {
    Visited.seen.push(`two ${this.visit.number}`);
  }
}

describe('what Nest puts around message patterns', () => {
  const plugs = inMemory();
  let service: INestMicroservice;
  let app: RpcApplication;
  const call = (path: string, data?: unknown, metadata = {}) => app.rpc.call('guarded', path, [data], { metadata });

  before(async () => {
    service = await microservice(rootModule(plugs, { controllers: [Guarded, Visited], providers: [Visit] }), { type: 'guarded' });
    await service.listen();
    app = await caller(plugs);
  });
  after(async () => {
    await app?.stop();
    await service?.close();
  });

  it('guards', async () => {
    assert.equal(await call('guarded', 1, { key: 'open' }), 'in');
    await assert.rejects(call('guarded', 1, { key: 'no' }), rpcError('PERMISSION_DENIED', /Forbidden resource/));
  });

  it('interceptors', async () => {
    assert.equal(await call('shouted', 'hey'), 'hey!');
  });

  it('pipes', async () => {
    assert.equal(await call('validated', { n: 3 }), 3);
    await assert.rejects(call('validated', { n: 'three' }), rpcError('INVALID_ARGUMENT', /n must be an integer/));
    assert.equal(await call('parsed', '41'), 42);
    await assert.rejects(call('parsed', 'x'), rpcError('INVALID_ARGUMENT', /numeric string/));
  });

  it('filters: what they return is the reply, what they throw is the error, what none fits keeps its meaning', async () => {
    assert.equal(await call('filtered', 'reply'), 'caught nobody');
    await assert.rejects(call('filtered', 'payload'), rpcError('OUT_OF_RANGE', /^too far$/, { details: { by: 'filter' } }));
    await assert.rejects(call('filtered', 'else'), rpcError('INTERNAL', /failed/));
    await assert.rejects(call('logged'), rpcError('NOT_FOUND', /^nowhere$/));
  });

  it('request scope: one for each call, with the request; handlers of one event share it', async () => {
    const [first, second] = [(await call('visit')) as Record<string, unknown>, (await call('visit')) as Record<string, unknown>];
    assert.notEqual(first['number'], second['number']);
    assert.deepEqual([first['pattern'], first['isContext']], ['visit', true]);
    await app.rpc.notify('guarded', 'visited', [1]);
    await until(() => Visited.seen.length === 2);
    const [one, two] = Visited.seen.sort().map((line) => line.split(' '));
    assert.deepEqual([one![0], two![0]], ['one', 'two']);
    assert.equal(one![1], two![1]);
  });
});

describe('global enhancers', () => {
  @Controller()
  class Open {
    @MessagePattern('open')
    open(word: string): string {
      return word;
    }
    @MessagePattern('missing')
    missing(): never {
      throw new NotFoundException('nobody');
    }
    @Get('page')
    page(): string {
      return 'page';
    }
  }
  const globals = [
    { provide: APP_GUARD, useClass: KeyGuard },
    { provide: APP_INTERCEPTOR, useClass: Shout },
    { provide: APP_FILTER, useClass: AsReply },
  ];

  it('run for every pattern of a microservice', async (t) => {
    const plugs = inMemory();
    const service = await microservice(rootModule(plugs, { controllers: [Open], providers: globals }), { type: 'open' });
    t.after(() => service.close());
    await service.listen();
    const app = await caller(plugs);
    t.after(() => app.stop());
    await assert.rejects(app.rpc.call('open', 'open', ['x']), rpcError('PERMISSION_DENIED', /Forbidden/));
    assert.equal(await app.rpc.call('open', 'open', ['x'], { metadata: { key: 'open' } }), 'x!');
    assert.equal(await app.rpc.call('open', 'missing', ['x'], { metadata: { key: 'open' } }), 'caught nobody');
  });

  async function hybrid(inheritAppConfig: boolean) {
    const plugs = inMemory();
    const logger = new RecordingLogger();
    // First: each app that Nest makes replaces the logger of the process.
    const app = await caller(plugs);
    const nest = await NestFactory.create(rootModule(plugs, { controllers: [Open], providers: globals }), new PlainHttpAdapter(), { logger, abortOnError: false });
    nest.connectMicroservice(anthillMicroservice({ type: 'open' }), { inheritAppConfig });
    await nest.startAllMicroservices();
    await nest.listen(0);
    return { nest, logger, app };
  }

  it('run in a hybrid app that inherits its config', async (t) => {
    const { nest, app, logger } = await hybrid(true);
    t.after(() => nest.close());
    t.after(() => app.stop());
    await assert.rejects(app.rpc.call('open', 'open', ['x']), rpcError('PERMISSION_DENIED', /Forbidden/));
    assert.equal(await app.rpc.call('open', 'open', ['x'], { metadata: { key: 'open' } }), 'x!');
    assert.deepEqual(logger.lines.filter((line) => line.startsWith('warn')), []);
  });

  it('do not run in one that does not, which is said once; errors that Nest has made unreadable stay so', async (t) => {
    const { nest, app, logger } = await hybrid(false);
    t.after(() => nest.close());
    t.after(() => app.stop());
    assert.equal(await app.rpc.call('open', 'open', ['x']), 'x');
    await app.rpc.call('open', 'open', ['x']);
    assert.equal(logger.lines.filter((line) => /^warn .*'open' runs WITHOUT the global guards.*inheritAppConfig: true/.test(line)).length, 1);
    await assert.rejects(app.rpc.call('open', 'missing', ['x']), rpcError('INTERNAL', /failed; the log of its process has the cause/));
  });
});
