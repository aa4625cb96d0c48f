/* Compiled with the project, never run: a wrong line here fails the build. */
import { ParseIntPipe } from '@nestjs/common';
import { z } from 'zod';
import { RpcContext } from '../../lib/common/call-context.js';
import { Handler } from '../../lib/metadata/handler.decorator.js';
import { InjectClient } from '../../lib/metadata/inject-client.decorator.js';
import { InjectRpc } from '../../lib/metadata/inject.decorator.js';
import { Ctx, Meta, Payload } from '../../lib/metadata/params.decorator.js';
import { RpcModule } from '../../lib/metadata/rpc-module.decorator.js';
import { Client } from '../../lib/rpc/client-type.js';
import { Rpc } from '../../lib/rpc/rpc.client.js';

/** Everything that decorator metadata refers to is imported plainly: isolatedModules must accept it. */
@RpcModule({ type: 'right', version: '1.0.0', ttlMs: 1000, defaults: { concurrent: 4 } })
export class Right {
  @InjectRpc()
  private readonly onProperty!: Rpc;

  constructor(
    @InjectClient(() => Right) private readonly self: Client<Right>,
    @InjectRpc() private readonly rpc: Rpc,
  ) {}

  @Handler('/say', { concurrent: true, args: ['int', undefined], returns: 'string' })
  say(@Payload(0, ParseIntPipe) id: number, @Payload('x', { schema: z.string() }) x: string, @Meta() meta: Meta, @Meta('lang') lang: Meta<string | undefined>, @Ctx() ctx: RpcContext): string {
    return `${id}${x}${lang}${ctx.path}${meta['a']}`;
  }

  again(): Promise<string> {
    void [this.onProperty, this.rpc];
    return this.self.say(1, 'x');
  }
}

export class Wrong {
  // @ts-expect-error an option that does not exist
  @Handler('/a', { concurent: true })
  a(): void {}

  // @ts-expect-error a path is needed
  @Handler()
  b(): void {}

  // @ts-expect-error lanes have names
  @Handler('/c', { lane: 1 })
  c(): void {}

  // @ts-expect-error only methods with a name
  @Handler('/d')
  [Symbol.iterator](): void {}

  // @ts-expect-error no class to make a client of
  constructor(@InjectClient('hello') readonly hello: unknown) {}
}

// @ts-expect-error a service has a type
@RpcModule({})
export class NoType {}

// @ts-expect-error an option that does not exist
@RpcModule({ type: 'x', verson: '1' })
export class Typo {}
