import type { RpcContext } from '../../common/call-context.js';
import { rpcError } from '../../common/error-catalog.js';
import { events } from '../../common/events.js';
import { RpcError } from '../../common/rpc-error.js';
import { NODE_META, type ServiceNode } from '../../common/service-node.js';
import type { Codec } from '../../rpc/codec.js';
import { IdTable } from '../../rpc/id-table.js';
import type { Transport } from '../../rpc/transport.js';
import type { ValueType } from '../../rpc/value-types.js';
import type { OutboundCall } from '../../rpc/wire.js';
import { BATCH_BYTES } from './frames.js';
import { FrameWriter } from './frame-writer.js';
import { Pulse } from './pulse.js';
import { isOlder, nextSequence, tokenOf } from './token.js';
import { TooLarge, unsendable } from './unsendable.js';

/** A reply in the making. */
export interface DueReply {
  readonly callId: number;
  readonly value: unknown;
  readonly returns: ValueType | undefined;
  readonly codec: Codec;
  /** For messages: `node path`. */
  readonly where: string;
}

interface DueError {
  readonly callId: number;
  readonly error: RpcError;
  readonly codec: Codec;
}

// Functions of the module, not closures: one of them runs for every frame.
const writeRequest = (writer: FrameWriter, call: OutboundCall): void => writer.request(call);
const writeReply = (writer: FrameWriter, { callId, value, returns, codec }: DueReply): void => writer.reply(callId, value, returns, codec);
const writeError = (writer: FrameWriter, { callId, error, codec }: DueError): void => writer.error(callId, error, codec);
const writePing = (writer: FrameWriter): void => writer.ping();
const writePong = (writer: FrameWriter): void => writer.pong();
const writeCancel = (writer: FrameWriter, callId: number): void => writer.cancel(callId);

/** Nodes of one process that are remembered: more than any process has. */
const MAX_NODES = 1000;

/**
 * Another process: what is due to it, which of our calls wait for it, and which of its calls we serve. All that becomes due in one turn
 * of the event loop leaves as one message; the owner calls {@link flush} once the turn is over.
 */
export class Remote {
  /** Our calls that wait for a reply, by id; `wireToken` is the message they left with. */
  readonly pending = new IdTable<OutboundCall>();
  /** Its calls that run here, by its id: to cancel them. */
  readonly serving = new IdTable<RpcContext>();
  readonly pulse = new Pulse();
  /** Set by the owner when the remote is queued for flushing. */
  isDirty = false;
  /** Since the owner looked last. */
  wasUsed = true;
  lastUsedAt = 0;
  private readonly writer: FrameWriter;
  /** Nodes that were called there: when nobody listens at its address, none of them can be reached. */
  private nodes = new Map<string, ServiceNode>();
  private lastNode: ServiceNode | undefined;
  private writing = false;
  /** It answers pings: processes of an earlier version do not. */
  private hasPong = false;
  private owesPong = false;
  private sequence = 1;
  private requestsInBatch = 0;

  constructor(
    readonly address: string,
    readonly id: number,
    sender: string,
    private readonly transport: Transport,
    private readonly markDirty: (remote: Remote) => void,
  ) {
    this.writer = new FrameWriter(sender);
  }

  private get token(): number {
    return tokenOf(this.id, this.sequence);
  }

  get isIdle(): boolean {
    return this.pending.size === 0 && this.serving.size === 0 && this.writer.isEmpty;
  }

  /** Nothing waits and nothing runs between us but what was just written. */
  get isQuiet(): boolean {
    return this.pending.size <= 1 && this.serving.size === 0;
  }

  request(call: OutboundCall): void {
    this.wasUsed = true;
    if (call.node !== this.lastNode) this.remember(call.node);
    // Before the frame: whether the remote is quiet decides when it is flushed.
    if (!call.noReply) this.pending.set(call.id, call);
    const failure = this.put(writeRequest, call);
    if (failure !== undefined) {
      this.pending.delete(call.id);
      return call.fail(unsendable(failure, `the call to ${call.node.id} ${call.path}`, this.transport));
    }
    this.requestsInBatch++;
    call.wireToken = this.token;
  }

  reply(reply: DueReply): void {
    this.wasUsed = true;
    const failure = this.put(writeReply, reply);
    if (failure === undefined) return;
    const { callId, codec, where } = reply;
    const { reason, message, metadata } = unsendable(failure, `the result of ${where}`, this.transport);
    // Never the error itself: it may say that nothing was delivered, and the handler has run.
    const tooLarge = reason === 'PAYLOAD_TOO_LARGE';
    this.error(callId, rpcError(tooLarge ? reason : 'REPLY_UNENCODABLE', tooLarge ? message : `the result of ${where} cannot be sent: ${message}`, { metadata }), codec);
  }

  error(callId: number, error: RpcError, codec: Codec): void {
    if (this.put(writeError, { callId, error, codec }) === undefined) return;
    // Its details or its metadata cannot be carried: the rest can.
    const { code, reason, undelivered } = error;
    this.put(writeError, { callId, error: new RpcError({ code, reason: reason.slice(0, 256), message: error.message.slice(0, 4096), undelivered }), codec });
  }

  /** One tick of its pulse; asks it when it says so. Returns what has changed. */
  tick(): 'lost' | 'back' | undefined {
    if (!this.hasPong) return undefined;
    const news = this.pulse.tick(this.pending.size > 0);
    if (news !== 'ask') return news;
    this.put(writePing, undefined);
    return undefined;
  }

  /** Something depends on whether it is still there. */
  get isWatched(): boolean {
    return this.pending.size > 0 || this.pulse.isSilent;
  }

  /** It asked whether we are there; however often, one answer per message is enough. */
  pong(): void {
    if (this.owesPong) return;
    this.owesPong = true;
    this.put(writePong, undefined);
  }

  /** The other side gave up a call that runs here: nothing more is said of it. */
  cancelled(callId: number): void {
    const context = this.serving.get(callId);
    this.serving.delete(callId);
    context?.abort(rpcError('ABORTED_BY_CALLER', 'the caller gave up'));
  }

  /** Those nodes of it that were called. */
  get calledNodes(): Iterable<ServiceNode> {
    return this.nodes.values();
  }

  /** The same, once. */
  takeNodes(): ServiceNode[] {
    const nodes = [...this.nodes.values()];
    this.nodes.clear();
    this.lastNode = undefined;
    return nodes;
  }

  private remember(node: ServiceNode): void {
    if (this.nodes.size >= MAX_NODES) this.nodes.clear();
    this.nodes.set(node.id, node);
    this.lastNode = node;
    this.hasPong = node.metadata[NODE_META.capabilities]?.split(',').includes('ping') ?? false;
  }

  cancel(callId: number): void {
    if (this.pending.delete(callId)) this.put(writeCancel, callId);
  }

  /** Takes a call out when its outcome is here. */
  settle(callId: number): OutboundCall | undefined {
    const call = this.pending.get(callId);
    if (call !== undefined) this.pending.delete(callId);
    return call;
  }

  /** Sends what is due. */
  flush(): void {
    if (this.writer.isEmpty) return;
    const bytes = this.writer.take();
    const { token, requestsInBatch } = this;
    this.nextBatch();
    try {
      this.transport.send(this.address, bytes, token);
    } catch (error) {
      if (requestsInBatch > 0) this.failSent((call) => call.wireToken === token, error as RpcError);
      if (events.count.hasSubscribers) events.count.publish({ name: 'message.unsent', detail: this.address });
    }
  }

  /** The message of this token reached nobody: its calls are safe to send elsewhere. */
  lost(token: number, where: string): void {
    this.pulse.stopped();
    const undelivered = rpcError('NODE_UNREACHABLE', `nobody listens for ${where} any more`, { undelivered: true });
    this.failSent((call) => call.wireToken === token, undelivered);
    const orphans = this.serving.values();
    this.serving.clear();
    for (const context of orphans) context.abort(rpcError('ABORTED_BY_CALLER', 'the caller went away'));
  }

  /** No reply will come any more to what was sent before a lost message; it may have been served. */
  gone(token: number, where: string): void {
    const error = rpcError('NODE_UNREACHABLE', `the process of ${where} went away before it replied; the call may have been served`);
    this.failSent((call) => isOlder(call.wireToken, token), error);
  }

  failAll(error: RpcError): void {
    this.failSent(() => true, error);
  }

  /** The link is down: what has not left never will, and its calls reached nobody. */
  dropUnsent(error: RpcError): void {
    if (this.writer.isEmpty) return;
    const { token } = this;
    this.writer.clear();
    this.nextBatch();
    this.failSent((call) => call.wireToken === token, error);
  }

  private nextBatch(): void {
    this.sequence = nextSequence(this.sequence);
    this.owesPong = false;
    this.requestsInBatch = 0;
  }

  private failSent(which: (call: OutboundCall) => boolean, error: RpcError): void {
    const failed: OutboundCall[] = [];
    for (const [id, call] of this.pending.entries()) {
      if (!which(call)) continue;
      this.pending.delete(id);
      failed.push(call);
    }
    for (const call of failed) call.fail(error);
  }

  /** Writes a frame; cuts the batch before it when it would grow too long. Returns what it failed with, or its size when that is too much. */
  private put<T>(write: (writer: FrameWriter, what: T) => void, what: T): unknown {
    const { writer } = this;
    const limit = this.transport.maxMessageBytes;
    // A value that makes calls while it is encoded (a getter, toJSON) would write into its own frame.
    if (this.writing) return new Error('it was made while another value was being encoded');
    this.writing = true;
    writer.mark();
    try {
      write(writer, what);
      if (writer.length > limit || (writer.length > BATCH_BYTES && !writer.isAlone)) {
        if (!writer.isAlone) {
          writer.rewind();
          this.writing = false;
          this.flush();
          this.writing = true;
          writer.mark();
          write(writer, what);
        }
        if (writer.length > limit) {
          const size = writer.length;
          writer.rewind();
          return new TooLarge(size);
        }
      }
    } catch (error) {
      writer.rewind();
      return error ?? new Error('an unreadable value');
    } finally {
      this.writing = false;
    }
    if (!this.isDirty) {
      this.isDirty = true;
      this.markDirty(this);
    }
    return undefined;
  }
}
