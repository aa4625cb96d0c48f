import type { HeldLane, RpcContext } from '../common/call-context.js';
import type { Clock } from '../common/clock.js';
import type { DeadlineQueue } from '../common/deadline-queue.js';
import type { Logger } from '../common/logger.js';
import type { RpcError } from '../common/rpc-error.js';
import type { ServiceNode } from '../common/service-node.js';
import type { Codec } from './codec.js';
import type { HandlerEntry, Responder } from './handler-entry.js';
import type { Transport } from './transport.js';
import type { ArgTypes, ReplyType } from '../common/value-types.js';

/** A call on its way out, as a wire sees it. Exactly one of `succeed` and `fail` is called, once; later ones are ignored. @plugin */
export interface OutboundCall {
  /** Unique in this process while the call lives; grows. */
  readonly id: number;
  readonly path: string;
  readonly args: readonly unknown[];
  /** The caller wants no reply. */
  readonly noReply: boolean;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly caller: string;
  /** Passed on from outside by a gateway. */
  readonly external: boolean;
  readonly chain: readonly HeldLane[];
  /** Declared argument types, when the caller said them. */
  readonly argTypes: ArgTypes | undefined;
  readonly returns: ReplyType | undefined;
  readonly codec: Codec;
  /** The node picked for this attempt. */
  readonly node: ServiceNode;
  /** For the wire to keep what it needs to find the call again. */
  wireToken?: number;
  remainingMs(): number;
  succeed(value: unknown): void;
  /** `error.undelivered` lets the client try another node. */
  fail(error: RpcError): void;
}

/** A node of this process, as a wire sees it. @plugin */
export interface NodeHost {
  /** `type@id` */
  readonly nodeId: string;
  /** Undefined: no such handler, and no hook that supplies one. */
  lookup(path: string): HandlerEntry | undefined;
  /** Known paths, for messages. */
  paths(): Iterable<string>;
  /** Runs the handler under lanes, limits, deadline and interceptors; answers through the responder, exactly once. */
  dispatch(entry: HandlerEntry, args: readonly unknown[], context: RpcContext, responder: Responder): void;
}

/** What a wire is given to work with. @plugin */
export interface WireLink {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly deadlines: DeadlineQueue;
  readonly logger: Logger;
  readonly codecs: ReadonlyMap<string, Codec>;
  /** 16 hex characters, new at each start. */
  readonly processId: string;
  /** Node of this process by id. */
  host(nodeId: string): NodeHost | undefined;
  /** A node's process cannot be reached: the picker should avoid it. */
  unreachable(node: ServiceNode): void;
  /** A node that was called unreachable has been heard of. */
  reachable(node: ServiceNode): void;
}

/** What takes calls to a node. @plugin */
export interface CallCarrier {
  /** Sends. Failures, immediate ones too, go to `call.fail`. */
  send(call: OutboundCall): void;
  /** The caller gave up: tell the callee where the wire can, and forget the call. */
  cancel(call: OutboundCall): void;
}

/** A wire at work over one transport. @plugin */
export interface WirePeer extends CallCarrier {
  /** Subscribes what the process itself needs (inboxes). Before any send. */
  start(): Promise<void>;
  /** Makes a node reachable under `address`. */
  serve(host: NodeHost, address: string): Promise<void>;
  /** Stops listening for it; what came before is still answered. */
  unserve(nodeId: string): void;
  /** What nodes of this process must publish so that callers find this wire. */
  readonly advertisement: Readonly<Record<string, string>>;
  /** The transport said that this message reached nobody; true when the token was one of this wire's. */
  undeliverable(token: number): boolean;
  /** The link went down or came back. */
  link(up: boolean): void;
  /** Sends what is buffered. */
  flush(): void;
  /** Stops listening, losing nothing: resolves when all that was sent to this process before has been received. It is still answered. */
  drain(): Promise<void>;
  close(): void;
}

/** A way of saying calls in bytes. @plugin */
export interface Wire {
  /** As nodes publish it: `anthill/1`, `mqant`. */
  readonly name: string;
  open(link: WireLink): WirePeer;
}
