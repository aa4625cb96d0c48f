import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import * as loader from '@grpc/proto-loader';
import { MemoryHub, memory } from '../../lib/registry/memory.registry.js';
import type { ServiceNode } from '../../lib/common/service-node.js';
import type { Registry } from '../../lib/registry/registry.js';
import assert from 'node:assert/strict';
import type { GrpcCallOptions } from '../../lib/grpc/client/client-options.js';
import { createGrpcClient, type GrpcClientHandle, type StandaloneGrpcClientOptions } from '../../lib/grpc/client/create-grpc-client.js';
import { RpcError } from '../../lib/common/rpc-error.js';

/** The service of the tests, as its callers write it down. */
export interface Numbers {
  add(request: { a: string; b: string }, options?: GrpcCallOptions): Promise<{ v: string; err: string }>;
  count(request: { upTo: number }): AsyncIterable<{ n: number }>;
  sum(requests: AsyncIterable<{ n: number }>): Promise<{ n: number }>;
  double(requests: AsyncIterable<{ n: number }>): AsyncIterable<{ n: number }>;
}

const PROTO = {
  nested: {
    numbers: {
      nested: {
        Pair: { fields: { a: { type: 'int64', id: 1 }, b: { type: 'int64', id: 2 } } },
        Sum: { fields: { v: { type: 'int64', id: 1 }, err: { type: 'string', id: 2 } } },
        Range: { fields: { upTo: { type: 'int32', id: 1 } } },
        One: { fields: { n: { type: 'int32', id: 1 } } },
        Numbers: {
          methods: {
            add: { requestType: 'Pair', responseType: 'Sum' },
            Count: { requestType: 'Range', responseType: 'One', responseStream: true },
            Sum: { requestType: 'One', responseType: 'One', requestStream: true },
            Double: { requestType: 'One', responseType: 'One', requestStream: true, responseStream: true },
          },
        },
      },
    },
  },
};

export const SERVICE = 'numbers.Numbers';
export const proto = PROTO;

type Handlers = grpc.UntypedServiceImplementation;

/** What plain handlers do; a test replaces some. */
export function plainHandlers(name: string, seen: { calls: number; ended: (() => void)[] }): Handlers {
  return {
    add(call: grpc.ServerUnaryCall<{ a: string; b: string }, object>, reply: grpc.sendUnaryData<object>) {
      seen.calls++;
      reply(null, { v: String(BigInt(call.request.a) + BigInt(call.request.b)), err: name });
    },
    async Count(call: grpc.ServerWritableStream<{ upTo: number }, object>) {
      seen.calls++;
      for (let n = 1; n <= call.request.upTo && !call.cancelled; n++) {
        if (!call.write({ n })) await Promise.race([new Promise((resolve) => call.once('drain', resolve)), new Promise((resolve) => call.once('cancelled', resolve))]);
        await turn();
      }
      call.end();
    },
    async Sum(call: grpc.ServerReadableStream<{ n: number }, object>, reply: grpc.sendUnaryData<object>) {
      let sum = 0;
      for await (const { n } of call as AsyncIterable<{ n: number }>) sum += n;
      reply(null, { n: sum });
    },
    Double(call: grpc.ServerDuplexStream<{ n: number }, object>) {
      // `for await` would destroy the writing half too.
      call.on('data', ({ n }: { n: number }) => call.write({ n: n * 2 })).on('end', () => call.end());
    },
  };
}

/** A server of grpc-js itself, and nothing of ours. */
export class PlainServer {
  readonly seen = { calls: 0, ended: [] as (() => void)[] };
  private constructor(
    readonly server: grpc.Server,
    readonly port: number,
    readonly name: string,
  ) {}

  static async start(name: string, handlers: Handlers = {}, port = 0, options: grpc.ServerOptions = {}): Promise<PlainServer> {
    const server = new grpc.Server(options);
    const definition = loader.fromJSON(PROTO as never, { longs: String, defaults: true })[SERVICE] as grpc.ServiceDefinition;
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, actual) => (error ? reject(error) : resolve(actual)));
    });
    const made = new PlainServer(server, bound, name);
    server.addService(definition, { ...plainHandlers(name, made.seen), ...handlers });
    return made;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** As an agent of a registry sees it. */
  get node(): ServiceNode {
    return { id: `numbers@${this.name}`, type: 'numbers', version: '1.0.0', address: this.address, metadata: { zone: this.name } };
  }

  kill(): void {
    this.server.forceShutdown();
  }
}

/** A registry in which servers can be put. */
export class Town {
  readonly hub = new MemoryHub();
  readonly registry: Registry = memory(this.hub);

  async put(...servers: Pick<PlainServer, 'node'>[]): Promise<void> {
    for (const { node } of servers) await this.registry.register(node, { ttlMs: 600_000, intervalMs: 300_000 });
  }

  async take(...servers: Pick<PlainServer, 'node'>[]): Promise<void> {
    for (const { node } of servers) await this.registry.deregister(node);
  }
}

export function clientOf(options: Partial<StandaloneGrpcClientOptions> & Pick<StandaloneGrpcClientOptions, 'target'>): Promise<GrpcClientHandle<Numbers>> {
  return createGrpcClient<Numbers>(SERVICE, { proto, ...options });
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** What a call failed with. */
export async function failure(work: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await work.then(
    (value) => assert.fail(`it went well: ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (RpcError.is(error)) return error;
  throw error;
}

/**
 * The error of a call that ends by its deadline, having arrived before it. On a busy machine a short deadline may be over before the call is there: then a longer
 * one is tried.
 */
export async function endedByDeadline(arrived: () => boolean, call: (timeoutMs: number) => Promise<unknown>): Promise<RpcError> {
  for (let timeoutMs = 150; ; timeoutMs *= 2) {
    const error = await failure(call(timeoutMs));
    assert.equal(error.code, 'DEADLINE_EXCEEDED', error.message);
    if (arrived() || timeoutMs > 10_000) return error;
  }
}

/** Waits for what another process or a socket will do. */
export async function until(happened: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 6000; left > 0; left--) {
    if (await happened()) return;
    await pause(5);
  }
  assert.fail(`it never happened: ${String(happened)}`);
}
