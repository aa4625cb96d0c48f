import { type DynamicModule, Module, type Type } from '@nestjs/common';
import type { ModuleSupplier } from '../metadata/needed-module.js';
import { GrpcMethods } from './grpc.methods.js';
import { GRPC_MODULE_OPTIONS, type GrpcModuleOptions } from './grpc.options.js';
import { GrpcServer } from './grpc.server.js';

/**
 * The gRPC server. The app adds it where a class has `@GrpcService`; import it by hand for `forRoot`'s options, for the generic service alone, and in
 * apps with `AnthillModule.forRoot` whose gRPC classes are outside of its `modules`.
 * @public
 */
@Module({ providers: [GrpcMethods, GrpcServer], exports: [GrpcServer] })
export class GrpcModule {
  static forRoot(options: GrpcModuleOptions): DynamicModule {
    return { module: GrpcModule, providers: [{ provide: GRPC_MODULE_OPTIONS, useValue: options }] };
  }
}

/** Adds the server to an app that has something to serve. */
export const GRPC_SERVER_SUPPLIER: ModuleSupplier<undefined> = Object.freeze({
  name: 'grpc server',
  moduleFor: (_wanted: readonly undefined[], graph: readonly (Type | DynamicModule)[]) => (graph.some(isGrpcModule) ? undefined : GrpcModule),
});

function isGrpcModule(module: Type | DynamicModule): boolean {
  return module === GrpcModule || (module as Partial<DynamicModule>).module === GrpcModule;
}
