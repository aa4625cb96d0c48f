/* Compiled with the project, never run: a wrong line here fails the build. */
import type * as grpc from '@grpc/grpc-js';
import type { RpcContext } from '../../lib/common/call-context.js';
import type { GrpcImplementation } from '../../lib/grpc/grpc.types.js';
import type { GrpcProto } from '../../lib/grpc/proto-source.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <T extends true>(_proof?: T): void => undefined;

interface In {
  name: string;
}
interface Out {
  text: string;
}

/** As proto-loader-gen-types writes it. */
interface GreeterHandlers extends grpc.UntypedServiceImplementation {
  SayHello: grpc.handleUnaryCall<In, Out>;
  Collect: grpc.handleClientStreamingCall<In, Out>;
  Count: grpc.handleServerStreamingCall<In, Out>;
  Talk: grpc.handleBidiStreamingCall<In, Out>;
}

type Greeter = GrpcImplementation<GreeterHandlers>;
isTrue<Equal<keyof Greeter, 'sayHello' | 'collect' | 'count' | 'talk'>>();
isTrue<Equal<Parameters<Greeter['sayHello']>[0], In>>();
isTrue<Equal<Greeter['sayHello'], (request: In, ...injected: never[]) => Out | Promise<Out>>>();
isTrue<Equal<Parameters<Greeter['collect']>[0], AsyncIterable<In>>>();
isTrue<Equal<Parameters<Greeter['count']>[0], In>>();
isTrue<Equal<Parameters<Greeter['talk']>[0], AsyncIterable<In>>>();

/** As ts-proto writes it. */
declare const GreeterService: {
  readonly sayHello: { path: '/a.Greeter/SayHello'; requestStream: false; responseStream: false; requestSerialize: (value: In) => Buffer; requestDeserialize: (bytes: Buffer) => In; responseSerialize: (value: Out) => Buffer; responseDeserialize: (bytes: Buffer) => Out };
  readonly count: { path: '/a.Greeter/Count'; requestStream: false; responseStream: true; requestSerialize: (value: In) => Buffer; requestDeserialize: (bytes: Buffer) => In; responseSerialize: (value: Out) => Buffer; responseDeserialize: (bytes: Buffer) => Out };
};
isTrue<Equal<Parameters<GrpcImplementation<typeof GreeterService>['count']>[0], In>>();
GreeterService satisfies GrpcProto;

export class Right implements Greeter {
  async sayHello({ name }: In, ctx: RpcContext): Promise<Out> {
    return { text: name + ctx.path };
  }
  async collect(items: AsyncIterable<In>): Promise<Out> {
    for await (const { name } of items) return { text: name };
    return { text: '' };
  }
  async *count({ name }: In): AsyncGenerator<Out> {
    yield { text: name };
  }
  async *talk(items: AsyncIterable<In>, ctx: RpcContext): AsyncGenerator<Out> {
    for await (const { name } of items) yield { text: name + ctx.path };
  }
}

export class Wrong implements Pick<Greeter, 'sayHello'> {
  // @ts-expect-error a number is no reply
  sayHello(_request: In): number {
    return 1;
  }
}
export class Single implements Pick<Greeter, 'count'> {
  // @ts-expect-error one reply is no stream of them
  async count({ name }: In): Promise<Out> {
    return { text: name };
  }
}
