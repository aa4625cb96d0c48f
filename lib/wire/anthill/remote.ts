import type { RpcContext } from '../../common/call-context.js';
import { rpcError } from '../../common/error-catalog.js';
import { events } from '../../common/events.js';
import { RpcError } from '../../common/rpc-error.js';
import type { Codec } from '../../rpc/codec.js';
import type { Transport } from '../../rpc/transport.js';
import type { ValueType } from '../../rpc/value-types.js';
import type { OutboundCall } from '../../rpc/wire.js';
import { BATCH_BYTES } from './frames.js';
import { FrameWriter } from './frame-writer.js';

/** A call that waits for its reply, and the message it left with. */
interface Sent {
  readonly call: OutboundCall;
  token: number;
}

/** Tokens carry the remote they belong to: even ones are this wire's, see Transport.send. */
const REMOTES = 2 ** 18;

/**
 * Another process: what is due to it, which of our calls wait for it, and which of its calls we serve. All that becomes due in one turn
 * of the event loop leaves as one message; the owner calls {@link flush} once the turn is over.
 */
export class Remote {
  /** Our calls, by id. */
  readonly pending = new Map<number, Sent>();
  /** Its calls that run here, by its id: to cancel them. */
  readonly serving = new Map<number, RpcContext>();
  /** Set by the owner when the remote is queued for flushing. */
  isDirty = false;
  lastUsedAt = 0;
  private readonly writer: FrameWriter;
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

  static ofToken(token: number): number {
    return (token / 2) % REMOTES;
  }

  private get token(): number {
    return (this.sequence * REMOTES + this.id) * 2;
  }

  get isIdle(): boolean {
    return this.pending.size === 0 && this.serving.size === 0 && this.writer.isEmpty;
  }

  /** Nothing waits and nothing runs between us but what was just written. */
  get isQuiet(): boolean {
    return this.pending.size <= 1 && this.serving.size === 0;
  }

  request(call: OutboundCall): void {
    if (!call.noReply) this.pending.set(call.id, { call, token: this.token });
    const error = this.put(() => this.writer.request(call), `the call to ${call.node.id} ${call.path}`);
    if (error) {
      this.pending.delete(call.id);
      return call.fail(error);
    }
    this.requestsInBatch++;
    const sent = this.pending.get(call.id);
    // The batch may have been cut just before this frame.
    if (sent) sent.token = this.token;
  }

  reply(callId: number, value: unknown, returns: ValueType | undefined, codec: Codec, where: string): void {
    const error = this.put(() => this.writer.reply(callId, value, returns, codec), `the reply of ${where}`);
    if (error === undefined) return;
    const reason = error.reason === 'PAYLOAD_TOO_LARGE' ? 'PAYLOAD_TOO_LARGE' : 'REPLY_UNENCODABLE';
    this.error(callId, rpcError(reason, `the result of ${where} cannot be sent: ${error.message}`, { metadata: error.metadata }), codec);
  }

  error(callId: number, error: RpcError, codec: Codec): void {
    if (this.put(() => this.writer.error(callId, error, codec), 'an error') === undefined) return;
    // Its details cannot be carried: the rest can.
    const message = error.message.slice(0, 4096);
    this.put(() => this.writer.error(callId, new RpcError({ code: error.code, reason: error.reason, message, undelivered: error.undelivered }), codec), 'an error');
  }

  cancel(callId: number): void {
    if (this.pending.delete(callId)) this.put(() => this.writer.cancel(callId), 'a cancel');
  }

  /** Takes a call out when its outcome is here. */
  settle(callId: number): OutboundCall | undefined {
    const sent = this.pending.get(callId);
    if (sent === undefined) return undefined;
    this.pending.delete(callId);
    return sent.call;
  }

  /** Sends what is due. */
  flush(): void {
    if (this.writer.isEmpty) return;
    const bytes = this.writer.take();
    const { token, requestsInBatch } = this;
    this.sequence++;
    this.requestsInBatch = 0;
    try {
      this.transport.send(this.address, bytes, token);
    } catch (error) {
      if (requestsInBatch > 0) this.failSent((sent) => sent.token === token, error as RpcError);
      if (events.count.hasSubscribers) events.count.publish({ name: 'message.unsent', detail: this.address });
    }
  }

  /** The message of this token reached nobody: its calls are safe to send elsewhere, older ones may have been served. */
  lost(token: number, where: string): void {
    const undelivered = rpcError('NODE_UNREACHABLE', `nobody listens for ${where} any more`, { undelivered: true });
    const gone = rpcError('NODE_UNREACHABLE', `the process of ${where} went away before it replied; the call may have been served`);
    this.failSent((sent) => sent.token === token, undelivered);
    this.failSent((sent) => sent.token < token, gone);
    for (const context of this.serving.values()) context.abort(rpcError('ABORTED_BY_CALLER', 'the caller went away'));
  }

  failAll(error: RpcError): void {
    this.failSent(() => true, error);
  }

  private failSent(which: (sent: Sent) => boolean, error: RpcError): void {
    const failed: OutboundCall[] = [];
    for (const [id, sent] of this.pending) {
      if (!which(sent)) continue;
      this.pending.delete(id);
      failed.push(sent.call);
    }
    for (const call of failed) call.fail(error);
  }

  /** Writes a frame; cuts the batch before it when it would grow too long. The error, when it cannot be sent at all. */
  private put(write: () => void, what: string): RpcError | undefined {
    const { writer } = this;
    const limit = this.transport.maxMessageBytes;
    let mark = writer.mark();
    try {
      write();
      if (writer.length > Math.min(limit, BATCH_BYTES) && mark.length !== writer.length && !this.isFirst(mark)) {
        writer.rewind(mark);
        this.flush();
        mark = writer.mark();
        write();
      }
    } catch (error) {
      writer.rewind(mark);
      if (RpcError.is(error)) return error;
      return rpcError('UNSUPPORTED_VALUE', `${what} cannot be encoded: ${(error as Error)?.message ?? String(error)}`, { cause: error });
    }
    if (writer.length > limit) {
      const size = writer.length;
      writer.rewind(mark);
      return rpcError('PAYLOAD_TOO_LARGE', `${what} is ${size} bytes, more than the ${limit} that ${this.transport.name} carries; send less, or raise the transport's limit`, {
        metadata: { size: String(size), limit: String(limit) },
      });
    }
    if (!this.isDirty) {
      this.isDirty = true;
      this.markDirty(this);
    }
    return undefined;
  }

  private isFirst(mark: { length: number }): boolean {
    return mark.length === this.writer.headerSize;
  }
}
