import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import { GrpcServer } from '../../lib/grpc/grpc.server.js';
import { projectRoot } from '../services/index.js';

export const SHOP_PROTO = join(projectRoot(), 'test/integration/fixture/shop.proto');

type Method = MethodDefinition<object, object>;

/** Options of a call of a peer. */
export interface PeerCall {
  readonly metadata?: grpc.Metadata;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export type Reply = Record<string, unknown>;

/** A client of the bare library: what any gRPC client does. */
export class Peer {
  readonly client: grpc.Client;
  private readonly methods = new Map<string, Method>();

  constructor(
    readonly port: number,
    proto = SHOP_PROTO,
    credentials = grpc.credentials.createInsecure(),
    options: grpc.ClientOptions = {},
    host = '127.0.0.1',
  ) {
    this.client = new grpc.Client(`${host}:${port}`, credentials, options);
    const definitions = loadSync(proto, { longs: String, enums: String, defaults: true, arrays: true });
    for (const definition of Object.values(definitions)) {
      if (!('format' in definition)) for (const method of Object.values(definition)) this.methods.set(method.path, method as unknown as Method);
    }
  }

  close(): void {
    this.client.close();
  }

  /** Resolves with the reply, rejects with the library's error. */
  unary(path: string, request: object, options: PeerCall = {}): Promise<Reply> {
    const method = this.method(path);
    return new Promise((resolve, reject) => {
      const call = this.client.makeUnaryRequest(path, method.requestSerialize, method.responseDeserialize, request, options.metadata ?? new grpc.Metadata(), deadline(options), (error, reply) => (error ? reject(error) : resolve(reply as Reply)));
      options.signal?.addEventListener('abort', () => call.cancel());
    });
  }

  server(path: string, request: object, options: PeerCall = {}): grpc.ClientReadableStream<Reply> {
    const method = this.method(path);
    return this.client.makeServerStreamRequest(path, method.requestSerialize, method.responseDeserialize, request, options.metadata ?? new grpc.Metadata(), deadline(options)) as grpc.ClientReadableStream<Reply>;
  }

  upload(path: string, options: PeerCall = {}): { call: grpc.ClientWritableStream<object>; reply: Promise<Reply> } {
    const method = this.method(path);
    let call!: grpc.ClientWritableStream<object>;
    const reply = new Promise<Reply>((resolve, reject) => {
      call = this.client.makeClientStreamRequest(path, method.requestSerialize, method.responseDeserialize, options.metadata ?? new grpc.Metadata(), deadline(options), (error, value) => (error ? reject(error) : resolve(value as Reply)));
    });
    return { call, reply };
  }

  bidi(path: string, options: PeerCall = {}): grpc.ClientDuplexStream<object, Reply> {
    const method = this.method(path);
    return this.client.makeBidiStreamRequest(path, method.requestSerialize, method.responseDeserialize, options.metadata ?? new grpc.Metadata(), deadline(options)) as grpc.ClientDuplexStream<object, Reply>;
  }

  private method(path: string): Method {
    const method = this.methods.get(path);
    if (method === undefined) throw new Error(`the peer knows no ${path}`);
    return method;
  }
}

function deadline({ deadlineMs }: PeerCall): grpc.CallOptions {
  return deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
}

/** The port of an app's gRPC server. */
export function portOf(app: RpcApplication): number {
  return app.get(GrpcServer).port!;
}

/** What a promise rejects with. */
export async function failure(work: Promise<unknown>): Promise<grpc.ServiceError> {
  return work.then(
    (value) => {
      throw new Error(`no error, but ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as grpc.ServiceError,
  );
}

/** All items of a stream; rejects with its error. */
export async function collect(stream: AsyncIterable<Reply>): Promise<Reply[]> {
  const items: Reply[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

export function metadata(pairs: Record<string, string | Buffer>): grpc.Metadata {
  const result = new grpc.Metadata();
  for (const [key, value] of Object.entries(pairs)) result.set(key, value);
  return result;
}
