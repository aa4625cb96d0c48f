import type { handleBidiStreamingCall, handleClientStreamingCall, handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js';

/** What may stand behind the request in a method: what decorators fill in. */
type Injections = never[];

type UnaryMethod<Req, Res> = (request: Req, ...injected: Injections) => Res | Promise<Res>;
type UploadMethod<Req, Res> = (requests: AsyncIterable<Req>, ...injected: Injections) => Res | Promise<Res>;
type DownloadMethod<Req, Res> = (request: Req, ...injected: Injections) => AsyncIterable<Res> | Iterable<Res> | Promise<AsyncIterable<Res>>;
type BidiMethod<Req, Res> = (requests: AsyncIterable<Req>, ...injected: Injections) => AsyncIterable<Res> | Promise<AsyncIterable<Res>>;

/** A method of a definition: of ts-proto, `as const`. */
interface Defined<In extends boolean, Out extends boolean, Req, Res> {
  requestStream: In;
  responseStream: Out;
  requestDeserialize: (bytes: Buffer) => Req;
  responseSerialize: (value: Res) => unknown;
}

type MethodFor<M> =
  M extends handleUnaryCall<infer Req, infer Res> ? UnaryMethod<Req, Res>
  : M extends handleClientStreamingCall<infer Req, infer Res> ? UploadMethod<Req, Res>
  : M extends handleServerStreamingCall<infer Req, infer Res> ? DownloadMethod<Req, Res>
  : M extends handleBidiStreamingCall<infer Req, infer Res> ? BidiMethod<Req, Res>
  : M extends Defined<false, false, infer Req, infer Res> ? UnaryMethod<Req, Res>
  : M extends Defined<true, false, infer Req, infer Res> ? UploadMethod<Req, Res>
  : M extends Defined<false, true, infer Req, infer Res> ? DownloadMethod<Req, Res>
  : M extends Defined<true, true, infer Req, infer Res> ? BidiMethod<Req, Res>
  : never;

/**
 * The methods of a class that serves a service, typed from generated code: `class Greeter implements GrpcImplementation<GreeterHandlers>`. `S` is the
 * interface of handlers that `proto-loader-gen-types` writes (`GreeterHandlers`) or ts-proto (`GreeterServer`), or the type of a definition
 * (`typeof GreeterService`). Names begin in lower case; parameters with decorators may follow the request.
 * @public
 */
export type GrpcImplementation<S> = {
  // Interfaces of generated code have an index signature besides their methods.
  [K in keyof S as string extends K ? never : number extends K ? never : K extends string ? Uncapitalize<K> : never]: MethodFor<S[K]>;
};
