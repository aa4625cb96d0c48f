import { Inject, Module, type DynamicModule } from '@nestjs/common';
import type { InjectDecorator } from '../../metadata/inject.decorator.js';
import { needModule, type ModuleSupplier } from '../../metadata/needed-module.js';
import { RPC } from '../../metadata/tokens.js';
import type { Rpc } from '../../rpc/rpc.client.js';
import { Gates } from './gates.js';

@Module({})
class GatesModule {}

/** Provides a {@link Gates} for each type of gate that some class asks for. */
const supplier: ModuleSupplier<string> = Object.freeze({
  name: 'gates',
  moduleFor(wanted: readonly string[]): DynamicModule {
    const providers = [...new Set(wanted)].map((type) => ({ provide: tokenOf(type), useFactory: (rpc: Rpc) => new Gates(rpc, type), inject: [RPC] }));
    return { module: GatesModule, global: true, providers, exports: providers.map(({ provide }) => provide) };
  },
});

/**
 * Injects {@link Gates}: pushes to users and groups from any service, whether it has a gate or not.
 * @param type service name of the gates @default 'Gate'
 * @public
 */
export function InjectGates(type = 'Gate'): InjectDecorator {
  return ((target: object, key: string | symbol | undefined, index?: number) => {
    needModule((index === undefined ? target.constructor : target) as Function, supplier, type);
    (Inject(tokenOf(type)) as (target: object, key: string | symbol | undefined, index?: number) => void)(target, key, index);
  }) as InjectDecorator;
}

function tokenOf(type: string): string {
  return `anthill:gates:${type}`;
}
