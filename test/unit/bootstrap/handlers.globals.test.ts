import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Catch, Controller, Inject, Injectable, Scope, UseGuards, type ArgumentsHost, type CanActivate, type ExecutionContext, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, REQUEST } from '@nestjs/core';
import { map } from 'rxjs';
import { Handler } from '../../../lib/metadata/handler.decorator.js';
import { RpcModule } from '../../../lib/metadata/rpc-module.decorator.js';
import type { RpcRequest } from '../../../lib/wiring/enhanced-scope.js';
import { serve } from './handlers.support.js';

abstract class Echo {
  @Handler('/echo')
  echo(text: string): string {
    if (text === 'bug') throw new TypeError('a bug');
    return text;
  }
}

/** The three kinds of hosts, each in an app of its own. */
function hosts(...providers: Provider[]) {
  @Injectable()
  class InProvider extends Echo {}
  @Controller()
  class InController extends Echo {}
  @RpcModule({ type: 'p', providers: [InProvider, ...providers] })
  class P {}
  @RpcModule({ type: 'c', controllers: [InController], providers })
  class C {}
  @RpcModule({ type: 'm', providers })
  class M extends Echo {}
  return { provider: P, controller: C, 'module class': M };
}

const wrap = { intercept: (_context: ExecutionContext, next: { handle(): import('rxjs').Observable<unknown> }) => next.handle().pipe(map((reply) => `<${String(reply)}>`)) };
const shout = { transform: (value: unknown) => String(value).toUpperCase() };
const deny: CanActivate = { canActivate: (context) => context.switchToRpc().getData<string[]>()[0] !== 'no' };
@Catch(TypeError)
class CatchBugs {
  catch(error: Error, host: ArgumentsHost): string {
    return `caught ${error.message} of ${host.getType()}`;
  }
}

for (const kind of ['provider', 'controller', 'module class'] as const) {
  describe(`global enhancers on a ${kind}`, () => {
    it('run when provided as APP_*', async () => {
      const module = hosts(
        { provide: APP_GUARD, useValue: deny },
        { provide: APP_PIPE, useValue: shout },
        { provide: APP_INTERCEPTOR, useValue: wrap },
        { provide: APP_FILTER, useClass: CatchBugs },
      )[kind];
      const served = await serve([module]);
      assert.equal(await served.call('/echo', 'x'), '<X>');
      await assert.rejects(served.call('/echo', 'no'), { code: 'PERMISSION_DENIED' });
      await served.app.close();
    });

    it('run when set with useGlobalX', async () => {
      const served = await serve([hosts()[kind]], (config) => {
        config.useGlobalGuards(deny);
        config.useGlobalInterceptors(wrap);
        config.useGlobalFilters(new CatchBugs());
      });
      assert.equal(await served.call('/echo', 'x'), '<x>');
      assert.equal(await served.call('/echo', 'bug'), 'caught a bug of rpc');
      await assert.rejects(served.call('/echo', 'no'), { code: 'PERMISSION_DENIED' });
      await served.app.close();
    });

    for (const scope of [Scope.REQUEST, Scope.TRANSIENT]) {
      it(`run when they are ${scope === Scope.REQUEST ? 'request-scoped' : 'transient'}, with their dependencies`, async () => {
        const made: unknown[] = [];
        @Injectable()
        class Rule {
          readonly forbidden = 'no';
        }
        @Injectable({ scope })
        class ScopedGuard implements CanActivate {
          constructor(private readonly rule: Rule) {
            made.push(this);
          }
          canActivate(context: ExecutionContext): boolean {
            return context.switchToRpc().getData<string[]>()[0] !== this.rule.forbidden;
          }
        }
        const served = await serve([hosts(Rule, { provide: APP_GUARD, useClass: ScopedGuard })[kind]]);
        assert.equal(await served.call('/echo', 'x'), 'x');
        await assert.rejects(served.call('/echo', 'no'), { code: 'PERMISSION_DENIED' });
        if (scope === Scope.REQUEST) assert.equal(made.length, 2, 'one per call');
        await served.app.close();
      });
    }
  });
}

describe('a request-scoped guard', () => {
  it('of a provider or controller is made for each call and can inject REQUEST', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerCall implements CanActivate {
      constructor(@Inject(REQUEST) private readonly request: RpcRequest) {}
      canActivate(): boolean {
        return this.request.getData()[0] === this.request.context.caller;
      }
    }
    @Injectable()
    class InProvider {
      @Handler('/p')
      @UseGuards(PerCall)
      go(name: string): string {
        return name;
      }
    }
    @Controller()
    class InController {
      @Handler('/c')
      @UseGuards(PerCall)
      go(name: string): string {
        return name;
      }
    }
    @RpcModule({ type: 'x', providers: [InProvider], controllers: [InController] })
    class X {}
    const served = await serve([X]);
    for (const path of ['/p', '/c']) {
      assert.equal(await served.call(path, 'tester'), 'tester');
      await assert.rejects(served.call(path, 'other'), { code: 'PERMISSION_DENIED' });
    }
    await served.app.close();
  });
});

describe('a transient guard', () => {
  it('runs on static hosts with its dependencies', async () => {
    @Injectable()
    class Rule {
      readonly forbidden = 'no';
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class OwnGuard implements CanActivate {
      constructor(private readonly rule: Rule) {}
      canActivate(context: ExecutionContext): boolean {
        return context.switchToRpc().getData<string[]>()[0] !== this.rule.forbidden;
      }
    }
    @Controller()
    class InController {
      @Handler('/c')
      @UseGuards(OwnGuard)
      go(name: string): string {
        return name;
      }
    }
    @RpcModule({ type: 'x', providers: [Rule], controllers: [InController] })
    class X {
      @Handler('/m')
      @UseGuards(OwnGuard)
      go(name: string): string {
        return name;
      }
    }
    const served = await serve([X]);
    for (const path of ['/c', '/m']) {
      assert.equal(await served.call(path, 'x'), 'x');
      await assert.rejects(served.call(path, 'no'), { code: 'PERMISSION_DENIED' });
    }
    await served.app.close();
  });
});
