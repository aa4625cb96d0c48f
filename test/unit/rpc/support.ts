import { RpcContext } from '../../../lib/common/call-context.js';
import type { Clock } from '../../../lib/common/clock.js';
import { systemRandom } from '../../../lib/common/clock.js';
import { events, type CountEvent } from '../../../lib/common/events.js';
import type { HandlerOptions } from '../../../lib/common/handler-options.js';
import type { LogFields, Logger } from '../../../lib/common/logger.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import { RpcRuntime, type RuntimeOptions } from '../../../lib/bootstrap/rpc-runtime.js';
import { memory as memoryRegistry, MemoryHub as RegistryHub } from '../../../lib/registry/memory.registry.js';
import { json } from '../../../lib/rpc/json.codec.js';
import { msgpack } from '../../../lib/rpc/msgpack.codec.js';
import type { HandlerDescriptor } from '../../../lib/rpc/handler-entry.js';
import type { RpcServer } from '../../../lib/rpc/rpc.server.js';
import type { ServerHooks } from '../../../lib/rpc/server-hooks.js';
import type { Transport } from '../../../lib/rpc/transport.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { memory } from '../../../lib/transport/memory/memory.transport.js';
import { type MemoryHub, memoryHub, type MemoryHubOptions } from '../../../lib/transport/memory/memory.hub.js';
import { anthillWire } from '../../../lib/wire/anthill/anthill.wire.js';

/** A handler: arguments as given, then the context. */
export type TestHandler = (args: readonly unknown[], context: RpcContext) => unknown;

export interface HandlerSpec extends HandlerOptions {
  readonly run: TestHandler;
  readonly arity?: HandlerDescriptor['arity'];
}

export interface NodeSetup {
  readonly type: string;
  readonly id?: string;
  readonly handlers: Readonly<Record<string, TestHandler | HandlerSpec>>;
  readonly hooks?: ServerHooks;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** A message as it crossed the hub. */
export interface Posted {
  readonly address: string;
  readonly bytes: Uint8Array;
}

/** One process of a {@link Cluster}. */
export interface TestProcess {
  readonly runtime: RpcRuntime;
  readonly rpc: RpcRuntime['rpc'];
  readonly transport: Transport;
  readonly log: readonly LogLine[];
  /** The server of its node of this type. */
  server(type: string): RpcServer;
  stop(): Promise<void>;
}

/** Processes over one hub and one registry, with time that stands still. */
export class Cluster {
  readonly clock = new FakeClock();
  readonly hub: MemoryHub;
  readonly posted: Posted[] = [];
  private readonly registry = new RegistryHub();
  private readonly processes: TestProcess[] = [];

  constructor(options?: MemoryHubOptions) {
    this.hub = memoryHub(options);
    const post = this.hub.post.bind(this.hub);
    this.hub.post = (sender, address, bytes, token) => {
      this.posted.push({ address, bytes: new Uint8Array(bytes) });
      post(sender, address, bytes, token);
    };
  }

  async start(nodes: readonly NodeSetup[] = [], overrides: Partial<RuntimeOptions> = {}, clock: Clock = this.clock): Promise<TestProcess> {
    const log: LogLine[] = [];
    const codecs = [msgpack(), json()];
    const transport = overrides.transport ?? memory(this.hub);
    const runtime = new RpcRuntime({
      transport,
      wires: [anthillWire()],
      registry: memoryRegistry(this.registry),
      codec: codecs[0]!,
      codecs,
      clock,
      random: systemRandom,
      logger: recorder(log),
      timeoutMs: 10_000,
      host: '127.0.0.1',
      processName: 'tester',
      clientInterceptors: [],
      serverInterceptors: [],
      mapError: () => undefined,
      ...overrides,
    });
    for (const node of nodes) addNode(runtime, node);
    await transport.connect();
    await runtime.listen();
    await Promise.all(runtime.advertise());
    const process: TestProcess = {
      runtime,
      rpc: runtime.rpc,
      transport,
      log,
      server: (type) => runtime.local.find((node) => node.spec.type === type)!.server,
      stop: async () => {
        this.processes.splice(this.processes.indexOf(process), 1);
        await runtime.withdraw(AbortSignal.timeout(1000));
        await runtime.close();
      },
    };
    this.processes.push(process);
    return process;
  }

  /** A caller in one process and a callee in another. */
  async pair(handlers: NodeSetup['handlers'], overrides: Partial<RuntimeOptions> = {}, hooks?: ServerHooks): Promise<{ caller: TestProcess; callee: TestProcess }> {
    const callee = await this.start([{ type: 'svc', handlers, ...(hooks && { hooks }) }], overrides);
    const caller = await this.start();
    return { caller, callee };
  }

  async stop(): Promise<void> {
    for (const process of [...this.processes]) await process.stop();
  }
}

let nextNode = 1;

export function addNode(runtime: RpcRuntime, { type, id = `n${nextNode++}`, handlers, hooks, metadata = {} }: NodeSetup): void {
  const local = runtime.addNode({ type, id, version: '1', metadata, registration: {} }, hooks);
  for (const [path, given] of Object.entries(handlers)) local.server.add(descriptor(path, given));
}

export function descriptor(path: string, given: TestHandler | HandlerSpec): HandlerDescriptor {
  if (typeof given === 'function') return { path, origin: `Test.${path}`, options: { concurrent: true }, invoke: given };
  const { run, arity, ...options } = given;
  return { path, origin: `Test.${path}`, options, arity, invoke: run };
}

export function recorder(log: LogLine[]): Logger {
  const at = (level: keyof Logger) => (message: string, fields?: LogFields) => void log.push({ level, message, fields });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Runs what is ready: promise jobs and immediates, no time. */
export async function settle(turns = 12): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** The error of a call that must fail, an RpcError (or a declared class) in every case. */
export async function failure(outcome: Promise<unknown>): Promise<RpcError> {
  let value: unknown;
  try {
    value = await outcome;
  } catch (error) {
    if (RpcError.is(error)) return error;
    throw new Error('the call failed, but not with an RpcError', { cause: error });
  }
  throw new Error(`the call went well: ${String(value)}`);
}

/** A promise and its ends. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** How a promise stands now. */
export async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'resolved' | 'rejected'> {
  const pending = Symbol();
  try {
    return (await Promise.race([promise, settle(3).then(() => pending)])) === pending ? 'pending' : 'resolved';
  } catch {
    return 'rejected';
  }
}

/** What was counted while `during` ran. */
export async function counts(during: () => Promise<unknown> | unknown): Promise<string[]> {
  const seen: string[] = [];
  const listener = (event: unknown): void => void seen.push((event as CountEvent).name);
  events.count.subscribe(listener);
  try {
    await during();
  } finally {
    events.count.unsubscribe(listener);
  }
  return seen;
}

/** mulberry32: random tests that fail can be run again. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
