import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { GrpcClient, InjectGrpcClient } from '../../lib/grpc/index.js';
import { type AppOptions, type Interceptor, RpcError, RpcModule, roundRobin } from '../../lib/index.js';
import type { RpcApplication } from '../../lib/bootstrap/rpc.application.js';
import type { GrpcCallOptions } from '../../lib/grpc/client/client-options.js';
import { consul, grpcRecord } from '../../lib/registry/consul/index.js';
import { createTestingApp } from '../../lib/testing/index.js';
import { projectRoot } from '../services/index.js';

const WORKER = fileURLToPath(new URL('./grpc-worker.js', import.meta.url));
const READY_MS = 30_000;

/** A server process. */
export class GrpcWorker {
  private constructor(
    private readonly child: ChildProcess,
    /** `add@...`, as its callers see it in Consul. */
    readonly id: string,
  ) {}

  static async start(address: string): Promise<GrpcWorker> {
    const child = fork(WORKER, [JSON.stringify({ address })], { cwd: projectRoot() });
    const [id] = await Promise.race([once(child, 'message', { signal: AbortSignal.timeout(READY_MS) }), once(child, 'exit').then(([code]) => Promise.reject(new Error(`grpc-worker ended with ${String(code)}`)))]);
    return new GrpcWorker(child, String(id));
  }

  /** For signals that do not end it. Returns when. */
  send(signal: 'SIGSTOP' | 'SIGCONT'): number {
    this.child.kill(signal);
    return performance.now();
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }
}

/** One call. */
export interface GrpcRecordOfCall {
  readonly at: number;
  readonly ms: number;
  readonly node: string | undefined;
  readonly error: RpcError | undefined;
}

@RpcModule({ type: 'adder' })
class Adder {
  constructor(
    @InjectGrpcClient('addservice.AddService', { proto: 'proto/addservice.proto', target: 'registry:///add', selector: roundRobin(), timeoutMs: 5000 })
    readonly add: GrpcClient<{ add(request: { a: string; b: string }): Promise<{ v: string }> }>,
  ) {}
}

/** An app that calls without end. */
export class GrpcLoad {
  private isRunning = true;
  private readonly callers: Promise<void>[];

  private constructor(
    private readonly app: RpcApplication,
    private readonly records: GrpcRecordOfCall[],
    concurrency: number,
    handlerMs: number,
    options: GrpcCallOptions,
  ) {
    const { add } = app.get(Adder).add;
    this.callers = Array.from({ length: concurrency }, async () => {
      while (this.isRunning) await add({ a: '1', b: String(handlerMs) }, options).catch(() => {});
    });
  }

  static async start(address: string, { concurrency = 16, handlerMs = 10, options = {} as GrpcCallOptions, discovery = {} as NonNullable<AppOptions['discovery']> } = {}): Promise<GrpcLoad> {
    const records: GrpcRecordOfCall[] = [];
    // Notes each call with the node that had it last.
    const note: Interceptor = async (call, next) => {
      const at = performance.now();
      let error: RpcError | undefined;
      try {
        return await next();
      } catch (thrown) {
        error = thrown as RpcError;
        throw thrown;
      } finally {
        records.push({ at, ms: performance.now() - at, node: call.node?.id, error });
      }
    };
    const app = await createTestingApp({ modules: [Adder], registry: consul({ addr: address, env: {}, record: grpcRecord() }), interceptors: { client: [note] }, discovery });
    return new GrpcLoad(app, records, concurrency, handlerMs, options);
  }

  /** What happened since the last time. */
  take(): GrpcRecordOfCall[] {
    return this.records.splice(0);
  }

  async stop(): Promise<GrpcRecordOfCall[]> {
    this.isRunning = false;
    await Promise.all(this.callers);
    await this.app.stop();
    return this.take();
  }
}

export function assertAllWell(records: readonly GrpcRecordOfCall[], when: string): void {
  const failed = records.filter(({ error }) => error !== undefined);
  assert.equal(failed.length, 0, `${when}: ${failed.length} of ${records.length} calls failed: ${failed.slice(0, 5).map(({ node, error }) => `${node}: ${error!.message}`).join('\n')}`);
}
