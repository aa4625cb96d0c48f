import { Module, type DynamicModule } from '@nestjs/common';
import { GATE_OPTIONS, GatePart } from './gate.part.js';
import type { GateOptions } from './gate.options.js';

/**
 * A gate: long connections of clients over TCP and WebSocket (mqant's gate). Import it into the `@RpcModule` whose node it is to be; that node gets mqant's gate functions,
 * so that `@Session()` of any handler in any process reaches its clients.
 *
 * `@RpcModule({ type: 'Gate', imports: [GateModule.forRoot({ websocket: { port: 3653 } })] }) class Gate {}`
 * @public
 */
@Module({})
export class GateModule {
  static forRoot(options: GateOptions = {}): DynamicModule {
    return { module: GateModule, providers: [{ provide: GATE_OPTIONS, useValue: options }, GatePart], exports: [GatePart] };
  }
}
