import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import type { RpcContext } from '../../../lib/common/call-context.js';
import type { Clock } from '../../../lib/common/clock.js';
import { DeadlineQueue } from '../../../lib/common/deadline-queue.js';
import { events, type CountEvent } from '../../../lib/common/events.js';
import { silentLogger } from '../../../lib/common/logger.js';
import { RpcError } from '../../../lib/common/rpc-error.js';
import type { ServiceNode } from '../../../lib/common/service-node.js';
import type { HandlerEntry, Responder } from '../../../lib/rpc/handler-entry.js';
import { json } from '../../../lib/rpc/json.codec.js';
import type { Transport } from '../../../lib/rpc/transport.js';
import type { Marshaler, ProtoSchema, ReplyType, ValueType } from '../../../lib/common/value-types.js';
import type { NodeHost, OutboundCall, WirePeer } from '../../../lib/rpc/wire.js';
import { memory, memoryHub, type MemoryHub } from '../../../lib/transport/memory/index.js';
import { mqantWire, type MqantWireOptions } from '../../../lib/wire/mqant/mqant.wire.js';
import { projectRoot } from '../../services/project-root.js';

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
export const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** The tutorial's bean: its bytes are its id, its name is `req`. */
export class Req implements Marshaler {
  constructor(public id = '') {}
  marshal(): Uint8Array {
    return Buffer.from(this.id);
  }
  unmarshal(bytes: Uint8Array): void {
    this.id = Buffer.from(bytes).toString();
  }
  toString(): string {
    return 'req';
  }
}

/** A Marshaler without a name of its own. */
export class Nameless implements Marshaler {
  bytes = new Uint8Array(0);
  marshal(): Uint8Array {
    return this.bytes;
  }
  unmarshal(bytes: Uint8Array): void {
    this.bytes = new Uint8Array(bytes);
  }
}

const root = protobuf.Root.fromJSON({
  nested: {
    rpcpb: {
      nested: {
        ResultInfo: {
          fields: { Cid: { type: 'string', id: 1 }, Error: { type: 'string', id: 2 }, ResultType: { type: 'string', id: 4 }, Result: { type: 'bytes', id: 5 } },
        },
      },
    },
  },
});

/** The message of mqant's tutorial, which is its own reply. */
export const ResultMessage = root.lookupType('rpcpb.ResultInfo') as unknown as ProtoSchema<{ Error?: string }>;

export interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly decoded: {
    readonly kind: 'request' | 'reply';
    readonly cid: string;
    readonly fn: string;
    readonly replyTo: string;
    readonly expired: string;
    readonly reply: boolean;
    readonly caller: string;
    readonly hostname: string;
    readonly error: string;
    readonly args: readonly VectorValue[];
    readonly result: VectorValue;
  };
}

export interface VectorValue {
  readonly type: string;
  readonly hex: string;
  readonly value?: { readonly t: string; readonly v?: unknown };
}

/** Messages that Go sent, recorded by test/interop/go. */
export function goVectors(): Vector[] {
  return JSON.parse(readFileSync(join(projectRoot(), 'test/interop/vectors/mqant.json'), 'utf8')) as Vector[];
}

/** Time that a test moves by assignment. No timers: this wire has none. */
export class StillClock implements Clock {
  time = 1000;
  wallTime = 1_700_000_000_000;
  now(): number {
    return this.time;
  }
  wall(): number {
    return this.wallTime;
  }
  private timers: (() => void)[] = [];
  after(_delayMs?: number, fn: () => void = () => {}): () => void {
    this.timers.push(fn);
    return () => (this.timers = this.timers.filter((timer) => timer !== fn));
  }
  /** Ends every wait that has begun. */
  ring(): void {
    for (const timer of this.timers.splice(0)) timer();
  }
}

export interface TestHandler {
  run(...args: unknown[]): unknown;
  args?: readonly ValueType[];
  returns?: ValueType;
}

/** Runs handlers at once, without lanes. */
export class TestHost implements NodeHost {
  readonly contexts: RpcContext[] = [];
  refusal: RpcError | undefined;

  constructor(
    readonly nodeId: string,
    private readonly handlers: Readonly<Record<string, TestHandler>>,
  ) {}

  lookup(path: string): HandlerEntry | undefined {
    const handler = Object.hasOwn(this.handlers, path) ? this.handlers[path] : undefined;
    return handler && { path, argTypes: handler.args, returns: handler.returns, public: false };
  }

  paths(): Iterable<string> {
    return Object.keys(this.handlers);
  }

  dispatch(entry: HandlerEntry, args: readonly unknown[], context: RpcContext, responder: Responder): void {
    this.contexts.push(context);
    if (this.refusal) return responder.fail(this.refusal);
    try {
      responder.reply(this.handlers[entry.path]!.run(...args));
    } catch (error) {
      responder.fail(RpcError.is(error) ? error : new RpcError({ code: 'INTERNAL', message: String(error) }));
    }
  }
}

/** A process on the mqant wire over the memory transport. */
export interface TestProcess {
  readonly peer: WirePeer;
  readonly transport: Transport;
  readonly clock: StillClock;
  readonly unreachable: string[];
}

export async function startProcess(hub: MemoryHub = memoryHub(), options?: MqantWireOptions, processId = '00000000000000aa'): Promise<TestProcess> {
  const transport = memory(hub);
  const clock = new StillClock();
  const unreachable: string[] = [];
  const peer = mqantWire(options).open({
    transport,
    clock,
    deadlines: new DeadlineQueue(clock),
    logger: silentLogger,
    codecs: new Map(),
    processId,
    host: () => undefined,
    unreachable: (node) => unreachable.push(node.id),
    reachable: () => {},
  });
  transport.on({ onUndeliverable: (token) => peer.undeliverable(token), onLink: (up) => peer.link(up) });
  await transport.connect();
  await peer.start();
  return { peer, transport, clock, unreachable };
}

export function nodeAt(id: string, address: string, metadata: Record<string, string> = {}): ServiceNode {
  return { id, type: id.split('@')[0]!, version: '1', address, metadata };
}

export interface TestCallOptions {
  argTypes?: readonly ValueType[];
  returns?: ReplyType;
  noReply?: boolean;
}

let nextId = 1;

/** A call as the client makes them; `outcome` settles as the call does. */
export class TestCall implements OutboundCall {
  readonly id = nextId++;
  readonly metadata = undefined;
  readonly caller = 'tester';
  readonly external = false;
  readonly chain = [];
  readonly codec = json();
  readonly argTypes;
  readonly returns;
  readonly noReply;
  remaining = 10_000;
  readonly outcome: Promise<unknown>;
  succeed!: (value: unknown) => void;
  fail!: (error: RpcError) => void;

  constructor(
    readonly node: ServiceNode,
    readonly path: string,
    readonly args: readonly unknown[] = [],
    options: TestCallOptions = {},
  ) {
    this.argTypes = options.argTypes;
    this.returns = options.returns;
    this.noReply = options.noReply ?? false;
    this.outcome = new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.fail = reject;
    });
    this.outcome.catch(() => {});
  }

  remainingMs(): number {
    return this.remaining;
  }
}

/** Sends and waits. */
export function call(process: TestProcess, node: ServiceNode, path: string, args?: readonly unknown[], options?: TestCallOptions): Promise<unknown> {
  const made = new TestCall(node, path, args, options);
  process.peer.send(made);
  return made.outcome;
}

/** Two turns of the memory transport: a request and its reply. */
export async function roundTrip(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Names of what was counted while `during` ran. */
export async function counts(during: () => Promise<void> | void): Promise<string[]> {
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

/** The error of a call that must fail. */
export async function failure(outcome: Promise<unknown>): Promise<RpcError> {
  try {
    await outcome;
  } catch (error) {
    if (RpcError.is(error)) return error;
    throw error;
  }
  throw new Error('the call went well');
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
