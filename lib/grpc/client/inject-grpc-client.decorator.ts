import { Inject } from '@nestjs/common';
import { BootError } from '../../common/boot-error.js';
import type { InjectDecorator } from '../../metadata/inject.decorator.js';
import { needModule } from '../../metadata/needed-module.js';
import type { GrpcClientOptions } from './client-options.js';
import { GRPC_CLIENT_SUPPLIER } from './grpc-client.module.js';
import { describeRef, type GrpcServiceRef, isServiceThunk } from './service-ref.js';

/**
 * Injects a client of a gRPC service: `@InjectGrpcClient(AddService, { target: 'registry:///add' }) add: GrpcClient<AddService>`.
 * @param service a class with `@GrpcService` (or `() => Class` where two files import each other), generated code, or a name with `{ proto }`
 * @public
 */
export function InjectGrpcClient(service: GrpcServiceRef | (() => GrpcServiceRef), options: GrpcClientOptions = {}): InjectDecorator {
  const decorate = (target: object, key: string | symbol | undefined, index?: number): void => {
    const consumer = (index === undefined ? target.constructor : target) as Function;
    if (service === undefined || service === null) {
      throw new BootError('GRPC_CLIENT', `@InjectGrpcClient in ${consumer.name} got ${String(service)} instead of a service; do the two files import each other? Then write @InjectGrpcClient(() => Class)`);
    }
    const name = describeRef(service);
    const where = `@InjectGrpcClient(${name}) in ${consumer.name}`;
    const token = Symbol(`${where} (in a forRoot app, import GrpcClientModule.for(${consumer.name}))`);
    needModule(consumer, GRPC_CLIENT_SUPPLIER, { token, service: isServiceThunk(service) ? service : () => service, options: Object.freeze({ ...options }), where });
    (Inject(token) as typeof decorate)(target, key, index);
  };
  return decorate as InjectDecorator;
}
