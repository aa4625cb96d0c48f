import type { ClientDuplexStream, ClientReadableStream, ClientUnaryCall, ClientWritableStream } from '@grpc/grpc-js';
import { BootError } from '../../common/boot-error.js';
import { LIFECYCLE_METHODS } from '../../rpc/client-type.js';
import type { GrpcCallOptions } from './client-options.js';
import type { RequestStream } from './request-pump.js';

type Hidden = (typeof LIFECYCLE_METHODS)[number] | 'then' | 'close' | 'getChannel' | 'waitForReady' | `make${string}Request`;

type AnyFunction = (...args: never[]) => unknown;

/** Methods of generated clients are told by what they return; of their overloads the last one counts, which has no metadata. */
type Generated<F> = F extends (...args: infer A) => infer R
  ? R extends ClientDuplexStream<infer Req, infer Res>
    ? (requests: RequestStream<Req>, options?: GrpcCallOptions) => AsyncIterableIterator<Res>
    : R extends ClientReadableStream<infer Res>
      ? (request: A[0], options?: GrpcCallOptions) => AsyncIterableIterator<Res>
      : R extends ClientWritableStream<infer Req>
        ? (requests: RequestStream<Req>, options?: GrpcCallOptions) => Promise<ReplyOfCallback<A>>
        : R extends ClientUnaryCall
          ? (request: A[0], options?: GrpcCallOptions) => Promise<ReplyOfCallback<A>>
          : never
  : never;

/** What a callback of grpc-js gets as second argument. */
type ReplyOfCallback<A extends readonly unknown[]> = A extends readonly [...unknown[], infer C] ? (C extends (error: never, value?: infer Res) => void ? NonNullable<Res> : never) : never;

/** Methods of a class with `@GrpcService`: the request comes first, whatever else the callee's side fills in. */
type Declared<F> = F extends (...args: infer A) => infer R ? (request: RequestOf<A>, options?: GrpcCallOptions) => ReplyOf<R> : never;

type RequestOf<A extends readonly unknown[]> = A extends readonly [infer First, ...infer Rest] ? (IsInjected<First> extends true ? RequestOf<Rest> : First extends AsyncIterable<infer Req> ? RequestStream<Req> : First) : A extends readonly [] ? undefined | Record<string, never> : A[0];

type IsInjected<P> = 0 extends 1 & P ? false : NonNullable<P> extends { readonly __anthillInjected: true } ? true : false;

type ReplyOf<R> = R extends AsyncIterable<infer Res> ? AsyncIterableIterator<Res> : R extends Promise<infer Res> ? (Res extends AsyncIterable<infer Item> ? AsyncIterableIterator<Item> : Promise<Res>) : Promise<R>;

type CallsOfGrpc = ClientUnaryCall | ClientReadableStream<unknown> | ClientWritableStream<never> | ClientDuplexStream<never, unknown>;

/**
 * A service of gRPC as its callers see it; `T` is the client interface that `proto-loader-gen-types` generates (`AddServiceClient`), or a class with
 * `@GrpcService`. Unary: `(request, options?) => Promise`; streams of replies are async iterables, streams of requests too (or arrays).
 * @public
 */
export type GrpcClient<T> = {
  readonly [K in keyof T as K extends Hidden ? never : T[K] extends AnyFunction ? K : never]: T[K] extends (...args: never[]) => infer R ? (R extends CallsOfGrpc ? Generated<T[K]> : Declared<T[K]>) : never;
};

/** For {@link GrpcClient}, where nothing is known of a service but that its calls are unary. @public */
export type UntypedService = Record<string, (request: object) => Promise<Record<string, unknown>>>;

/**
 * A value of the same name, so that `import { GrpcClient }` compiles with isolatedModules and decorator metadata. It is a type: nothing to call.
 * @throws BootError CLIENT_IS_A_TYPE
 */
export function GrpcClient(): never {
  throw new BootError('CLIENT_IS_A_TYPE', 'GrpcClient<T> is a type; inject a client with @InjectGrpcClient(Service, { target }), or make one with createGrpcClient()');
}
