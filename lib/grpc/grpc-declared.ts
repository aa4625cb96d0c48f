import type { HandlerOptions } from '../common/handler-options.js';
import { defineMetadata } from '../metadata/define-metadata.js';
import type { MarkedMethod } from '../metadata/marked-methods.js';
import type { GrpcProto, ProtoOptions } from './proto-source.js';

/** What `@GrpcService` is told. @public */
export interface GrpcServiceOptions extends ProtoOptions {
  /** Where the service is described. */
  proto: GrpcProto;
}

/** How a gRPC method runs. The options of the module (`@RpcModule({ defaults })`) count here, too. @public */
export interface GrpcHandlerOptions extends Pick<HandlerOptions, 'lane' | 'queue' | 'abandonMs' | 'public'> {
  /** As for `@Handler`, but the default is gRPC's. @default true, unless `lane` is given */
  concurrent?: HandlerOptions['concurrent'];
  /** At most this many milliseconds, whatever the caller asks for. @default no limit but the caller's; of unary calls without one the app's (10000) */
  timeoutMs?: number;
}

/** A class with `@GrpcService`. */
export interface DeclaredService {
  /** `package.Service` */
  readonly name: string;
  readonly options: Readonly<GrpcServiceOptions>;
}

/** A method with `@GrpcHandler`. */
export interface DeclaredMethod extends MarkedMethod {
  /** As in the proto; undefined: the method's own. */
  readonly name: string | undefined;
  readonly options: Readonly<GrpcHandlerOptions>;
}

/** On the class. */
export const GRPC_SERVICE = defineMetadata<DeclaredService>('grpc service');
/** On the class: its own methods in source order. */
export const GRPC_HANDLERS = defineMetadata<readonly DeclaredMethod[]>('grpc handlers');
