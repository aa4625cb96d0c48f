/* Compiled with the project, never run: a wrong line here fails the build. */
import type * as grpc from '@grpc/grpc-js';
import type { RpcContext } from '../../lib/common/call-context.js';
import type { GrpcCallOptions } from '../../lib/grpc/client/client-options.js';
import type { GrpcClient } from '../../lib/grpc/client/client-types.js';
import type { RequestStream } from '../../lib/grpc/client/request-pump.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <T extends true>(_proof?: T): void => undefined;

interface In {
  a?: string;
}
interface Out {
  v: string;
}

/** As proto-loader-gen-types writes it. */
interface AddServiceClient extends grpc.Client {
  add(argument: In, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<Out>): grpc.ClientUnaryCall;
  add(argument: In, metadata: grpc.Metadata, callback: grpc.requestCallback<Out>): grpc.ClientUnaryCall;
  add(argument: In, options: grpc.CallOptions, callback: grpc.requestCallback<Out>): grpc.ClientUnaryCall;
  add(argument: In, callback: grpc.requestCallback<Out>): grpc.ClientUnaryCall;
  Count(argument: In, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<Out>;
  Count(argument: In, options?: grpc.CallOptions): grpc.ClientReadableStream<Out>;
  Sum(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<Out>): grpc.ClientWritableStream<In>;
  Sum(metadata: grpc.Metadata, callback: grpc.requestCallback<Out>): grpc.ClientWritableStream<In>;
  Sum(options: grpc.CallOptions, callback: grpc.requestCallback<Out>): grpc.ClientWritableStream<In>;
  Sum(callback: grpc.requestCallback<Out>): grpc.ClientWritableStream<In>;
  Talk(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<In, Out>;
  Talk(options?: grpc.CallOptions): grpc.ClientDuplexStream<In, Out>;
}

type Generated = GrpcClient<AddServiceClient>;
isTrue<Equal<keyof Generated, 'add' | 'Count' | 'Sum' | 'Talk'>>();
isTrue<Equal<Generated['add'], (request: In, options?: GrpcCallOptions) => Promise<Out>>>();
isTrue<Equal<Generated['Count'], (request: In, options?: GrpcCallOptions) => AsyncIterableIterator<Out>>>();
isTrue<Equal<Generated['Sum'], (requests: RequestStream<In>, options?: GrpcCallOptions) => Promise<Out>>>();
isTrue<Equal<Generated['Talk'], (requests: RequestStream<In>, options?: GrpcCallOptions) => AsyncIterableIterator<Out>>>();

/** As a class with `@GrpcService` has it. */
declare class Service {
  add(request: In, ctx: RpcContext): Out;
  later(ctx: RpcContext, request: In): Promise<Out>;
  count(request: In): AsyncGenerator<Out>;
  sum(requests: AsyncIterable<In>, ctx: RpcContext): Promise<Out>;
  talk(requests: AsyncIterable<In>): Promise<AsyncIterable<Out>>;
  run(signal: AbortSignal): Promise<void>;
  readonly field: string;
}

type Declared = GrpcClient<Service>;
isTrue<Equal<keyof Declared, 'add' | 'later' | 'count' | 'sum' | 'talk'>>();
isTrue<Equal<Declared['add'], (request: In, options?: GrpcCallOptions) => Promise<Out>>>();
isTrue<Equal<Declared['later'], (request: In, options?: GrpcCallOptions) => Promise<Out>>>();
isTrue<Equal<Declared['count'], (request: In, options?: GrpcCallOptions) => AsyncIterableIterator<Out>>>();
isTrue<Equal<Declared['sum'], (request: RequestStream<In>, options?: GrpcCallOptions) => Promise<Out>>>();
isTrue<Equal<Declared['talk'], (request: RequestStream<In>, options?: GrpcCallOptions) => AsyncIterableIterator<Out>>>();
