import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  ArgumentsHost,
  BadRequestException,
  CallHandler,
  CanActivate,
  Catch,
  Controller,
  ExceptionFilter,
  ExecutionContext,
  Injectable,
  NestInterceptor,
  ParseIntPipe,
  PipeTransform,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type Type,
} from '@nestjs/common';
import { map, of, throwError, type Observable } from 'rxjs';
import { RpcContext } from '../../../lib/common/call-context.js';
import { Handler } from '../../../lib/metadata/handler.decorator.js';
import { Ctx, Payload } from '../../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';
import { serve, type Served } from './handlers.support.js';

/** Proves that enhancers get what they inject. */
@Injectable()
class Log {
  readonly lines: string[] = [];
}

@Injectable()
class Guard implements CanActivate {
  constructor(private readonly log: Log) {}

  canActivate(context: ExecutionContext): boolean {
    const rpc = context.switchToRpc();
    const [name] = rpc.getData<string[]>();
    this.log.lines.push(`guard ${context.getType()} ${context.getClass().name}.${context.getHandler().name} ${name} ${rpc.getContext() instanceof RpcContext}`);
    return name !== 'stranger';
  }
}

@Injectable()
class Interceptor implements NestInterceptor {
  constructor(private readonly log: Log) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    this.log.lines.push('before');
    const data = context.switchToRpc().getData<string[]>();
    if (data[0] === 'alias') data[0] = 'real';
    return next.handle().pipe(
      map((reply) => {
        this.log.lines.push('after');
        return reply === 'hi cached' ? reply : `<${String(reply)}>`;
      }),
    );
  }
}

@Injectable()
class Upper implements PipeTransform {
  constructor(private readonly log: Log) {}

  transform(value: unknown, metadata: { type: string; metatype?: unknown }): unknown {
    this.log.lines.push(`pipe ${metadata.type} ${(metadata.metatype as Type | undefined)?.name}`);
    return typeof value === 'string' ? value.toUpperCase() : value;
  }
}

class Oops extends Error {}

@Catch(Oops)
@Injectable()
class Filter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: Oops, host: ArgumentsHost): unknown {
    this.log.lines.push(`filter ${host.getType()} ${host.switchToRpc().getContext<RpcContext>().path}`);
    switch (error.message) {
      case 'nothing':
        return undefined;
      case 'observable':
        return of('filtered later');
      case 'rethrown':
        return throwError(() => new BadRequestException('from the filter'));
      case 'thrown':
        throw new BadRequestException('thrown by the filter');
      default:
        return `filtered ${error.message}`;
    }
  }
}

/** The same handlers, on whatever class extends it. */
abstract class Handlers {
  @Handler('/guarded')
  @UseGuards(Guard)
  guarded(name: string): string {
    return `hi ${name}`;
  }

  @Handler('/intercepted')
  @UseInterceptors(Interceptor)
  intercepted(name: string): string {
    return `hi ${name}`;
  }

  @Handler('/piped')
  @UsePipes(Upper)
  piped(name: string, @Ctx() ctx: RpcContext): string {
    return `hi ${name} ${ctx.path}`;
  }

  @Handler('/param-pipe')
  paramPipe(@Payload(Upper) name: string, other: string): string {
    return `hi ${name} ${other}`;
  }

  @Handler('/parsed')
  parsed(@Payload(0, new ParseIntPipe()) id: number): number {
    return id + 1;
  }

  @Handler('/filtered')
  @UseFilters(Filter)
  filtered(what: string): string {
    throw new Oops(what);
  }

  @Handler('/filtered-other')
  @UseFilters(Filter)
  other(): string {
    throw new BadRequestException('not for the filter');
  }

  @Handler('/all')
  @UseGuards(Guard)
  @UseInterceptors(Interceptor)
  @UsePipes(Upper)
  @UseFilters(Filter)
  async all(name: string): Promise<string> {
    if (name === 'OOPS') throw new Oops('late');
    return `hi ${name}`;
  }

  @Handler('/observable')
  @UseInterceptors(Interceptor)
  observable(): Promise<unknown> {
    return Promise.resolve(of('a', 'b'));
  }
}

@Injectable()
class AsProvider extends Handlers {}
@RpcModule({ type: 'provider', providers: [Log, AsProvider] })
class ProviderModule {}

@Controller()
class AsController extends Handlers {}
@RpcModule({ type: 'controller', providers: [Log], controllers: [AsController] })
class ControllerModule {}

@RpcModule({ type: 'module', providers: [Log] })
class AsModule extends Handlers {}

for (const [kind, module, host] of [
  ['a provider', ProviderModule, AsProvider],
  ['a controller', ControllerModule, AsController],
  ['a module class', AsModule, AsModule],
] as const) {
  describe(`enhancers of ${kind}`, () => {
    let served: Served;
    let log: Log;
    before(async () => {
      served = await serve([module]);
      log = served.app.get(Log, { strict: false });
    });
    after(() => served.app.close());
    const lines = () => log.lines.splice(0);

    it('runs a guard given as a class, with its dependencies and the right context', async () => {
      assert.equal(await served.call('/guarded', 'x'), 'hi x');
      assert.deepEqual(lines(), [`guard rpc ${host.name}.guarded x true`]);
    });

    it('answers PERMISSION_DENIED where a guard refuses', async () => {
      await assert.rejects(served.call('/guarded', 'stranger'), { code: 'PERMISSION_DENIED', message: 'Forbidden resource: a guard of /guarded refused the call' });
      lines();
    });

    it('runs an interceptor, which may change arguments and reply', async () => {
      assert.equal(await served.call('/intercepted', 'alias'), '<hi real>');
      assert.deepEqual(lines(), ['before', 'after']);
    });

    it('leaves the caller its own arguments', async () => {
      const args = ['alias'];
      await served.call('/intercepted', ...args);
      assert.deepEqual(args, ['alias']);
      lines();
    });

    it('runs a method pipe on undecorated parameters, with their types, and not on the context', async () => {
      assert.equal(await served.call('/piped', 'x'), 'hi X /piped');
      assert.deepEqual(lines(), ['pipe body String']);
    });

    it('runs a parameter pipe given as a class on its parameter only', async () => {
      assert.equal(await served.call('/param-pipe', 'x', 'y'), 'hi X y');
      assert.deepEqual(lines(), ['pipe body String']);
    });

    it('runs a pipe instance and tells the caller what it found', async () => {
      assert.equal(await served.call('/parsed', '41'), 42);
      await assert.rejects(served.call('/parsed', 'x'), { code: 'INVALID_ARGUMENT', message: 'Validation failed (numeric string is expected)' });
    });

    it('answers what a filter returns, nothing included', async () => {
      assert.equal(await served.call('/filtered', 'x'), 'filtered x');
      assert.deepEqual(lines(), ['filter rpc /filtered']);
      assert.equal(await served.call('/filtered', 'nothing'), undefined);
      assert.equal(await served.call('/filtered', 'observable'), 'filtered later');
      lines();
    });

    it('answers the error that a filter throws', async () => {
      await assert.rejects(served.call('/filtered', 'thrown'), { code: 'INVALID_ARGUMENT', message: 'thrown by the filter' });
      await assert.rejects(served.call('/filtered', 'rethrown'), { code: 'INVALID_ARGUMENT', message: 'from the filter' });
      lines();
    });

    it('passes errors that no filter wants', async () => {
      await assert.rejects(served.call('/filtered-other'), { code: 'INVALID_ARGUMENT', message: 'not for the filter' });
      assert.deepEqual(lines(), []);
    });

    it('runs guard, interceptor, pipe and handler in Nest\'s order, filters around all', async () => {
      assert.equal(await served.call('/all', 'x'), '<hi X>');
      assert.deepEqual(lines(), [`guard rpc ${host.name}.all x true`, 'before', 'pipe body String', 'after']);
      assert.equal(await served.call('/all', 'oops'), 'filtered late');
      assert.deepEqual(lines().at(-1), 'filter rpc /all');
    });

    it('awaits an observable inside a promise', async () => {
      assert.equal(await served.call('/observable'), '<b>');
      lines();
    });
  });
}

describe('class-level enhancers', () => {
  it('run on every handler, inherited ones too', async () => {
    @Injectable()
    class Deny implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    abstract class Base {
      @Handler('/inherited')
      inherited(): string {
        return 'never';
      }
    }
    @UseGuards(Deny)
    @RpcModule({ type: 'guarded' })
    class Guarded extends Base {
      @Handler('/own')
      own(): string {
        return 'never';
      }
    }
    const served = await serve([Guarded]);
    await assert.rejects(served.call('/inherited'), { code: 'PERMISSION_DENIED' });
    await assert.rejects(served.call('/own'), { code: 'PERMISSION_DENIED' });
    await served.app.close();
  });
});

describe('the order of enhancers', () => {
  it('is global, class, method for guards, and the other way round for filters', async () => {
    const seen: string[] = [];
    const guard = (name: string): CanActivate => ({ canActivate: () => (seen.push(name), true) });
    @Catch(Oops)
    class Near implements ExceptionFilter {
      catch(): string {
        return 'near';
      }
    }
    @Catch(BadRequestException)
    class Middle implements ExceptionFilter {
      catch(): string {
        return 'middle';
      }
    }
    @Catch()
    class Far implements ExceptionFilter {
      catch(): string {
        return 'far';
      }
    }
    @UseGuards(guard('class'))
    @UseFilters(Middle)
    @RpcModule({ type: 'ordered' })
    class Ordered {
      @Handler('/fails')
      @UseGuards(guard('method'))
      @UseFilters(Near)
      fails(how: string): void {
        throw how === 'near' ? new Oops() : how === 'middle' ? new BadRequestException() : new TypeError();
      }
    }
    const served = await serve([Ordered], (config) => {
      config.useGlobalGuards(guard('global'));
      config.useGlobalFilters(new Far());
    });
    for (const how of ['near', 'middle', 'far']) assert.equal(await served.call('/fails', how), how);
    assert.deepEqual(seen.slice(0, 3), ['global', 'class', 'method']);
    await served.app.close();
  });
});

describe('an enhancer that Nest does not resolve', () => {
  it('is a boot error naming it', async () => {
    @Injectable()
    class Made {
      @Handler('/made')
      @UseGuards(Guard)
      made(): void {}
    }
    @RpcModule({ type: 'made', providers: [{ provide: 'MADE', useFactory: () => new Made() }] })
    class MadeModule {}
    await assert.rejects(serve([MadeModule]), (error: Error & { reason: string }) => {
      assert.equal(error.reason, 'ENHANCER_UNRESOLVED');
      assert.match(error.message, /Guard of @UseGuards on Made\.made would be skipped: Nest has not made it, because Made comes from a factory or a value; give @UseGuards an instance/);
      return true;
    });
  });

  it('is a boot error when the class is no guard', async () => {
    @Injectable()
    class NoGuard {}
    @RpcModule({ type: 'no-guard' })
    class NoGuardModule {
      @Handler('/x')
      @UsePipes(NoGuard as never)
      x(): void {}
    }
    await assert.rejects(serve([NoGuardModule]), /NoGuard/);
  });
});
