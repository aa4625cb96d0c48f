import { rpcError } from '../../common/error-catalog.js';
import { RpcError } from '../../common/rpc-error.js';
import type { ServiceNode } from '../../common/service-node.js';
import type { OutboundCall, WireLink } from '../../rpc/wire.js';
import { CallIds } from './call-ids.js';
import { counted } from './counted.js';
import { fromErrorText } from './error-text.js';
import { RequestEncoder } from './request-encoder.js';
import { readResultInfo, type ResultInfo } from './result-info.js';
import type { ValueDecoder } from './value-decoder.js';
import type { ValueEncoder } from './value-encoder.js';
import { messageOf, unreadableReply } from './value-error.js';

/** `Expired` of calls that may take forever: it only tells the callee what is too old to begin with. */
const LONGEST_MS = 24 * 3600 * 1000;
/** Calls without reply that are remembered, for the transport to say that their node is gone. */
const NOTIFIED = 256;
/** The calls to one address are not searched more often than this. */
const SWEEP_PAUSE_MS = 20;
/** A node that stops answers what came last after it has stopped listening: its replies may be overtaken by the news that nobody listens. */
const LINGER_MS = 300;

/**
 * The calling half of the wire: requests out, replies in by one inbox per process.
 *
 * A call in flight when the link goes down stays pending until its deadline: nobody knows whether it arrived, and a Go node keeps
 * its reply until the link is back.
 */
export class MqantCaller {
  /** In the order they were sent. */
  private readonly pending = new Map<number, OutboundCall>();
  private readonly notified = new Map<number, ServiceNode>();
  private readonly swept = new Map<string, number>();
  private readonly requests: RequestEncoder;
  private readonly ids: CallIds;

  constructor(
    private readonly link: WireLink,
    private readonly inbox: string,
    encoder: ValueEncoder,
    private readonly decoder: ValueDecoder,
  ) {
    this.ids = new CallIds(link.processId);
    this.requests = new RequestEncoder(encoder);
  }

  get waiting(): number {
    return this.pending.size;
  }

  send(call: OutboundCall): void {
    let message: Uint8Array;
    try {
      message = this.encode(call);
    } catch (error) {
      return call.fail(error as RpcError);
    }
    if (call.noReply) this.remember(call);
    else this.pending.set(call.id, call);
    try {
      this.link.transport.send(call.node.address, message, tokenOf(call.id));
    } catch (error) {
      this.forget(call.id);
      call.fail(RpcError.is(error) ? error : rpcError('TRANSPORT_DOWN', `${call.node.id} ${call.path} was not sent: ${messageOf(error)}`, { cause: error }));
    }
  }

  /** A reply that still comes is late. */
  forget(id: number): void {
    this.pending.delete(id);
    this.notified.delete(id);
  }

  private encode(call: OutboundCall): Uint8Array {
    const expired = Math.round(this.link.clock.wall() + Math.min(call.remainingMs(), LONGEST_MS));
    const { path: fn, args, argTypes, caller, node } = call;
    const request = { cid: this.ids.text(call.id), fn, replyTo: call.noReply ? '' : this.inbox, expired, args, argTypes, caller, target: node.id };
    return this.requests.encode(request, this.link.transport.maxMessageBytes);
  }

  /** Never throws. */
  onReply(bytes: Uint8Array): void {
    let info: ResultInfo;
    try {
      info = readResultInfo(bytes);
    } catch (error) {
      return counted('frame.dropped', `mqant reply: ${messageOf(error)}`);
    }
    const id = this.ids.read(bytes, info.cidStart, info.cidEnd);
    const call = id === undefined ? undefined : this.pending.get(id);
    // Late, doubled, or not ours: Go answers twice when a hook of it panics.
    if (id === undefined || call === undefined) return counted('reply.unknown', 'mqant');
    this.pending.delete(id);
    if (info.error !== '') return call.fail(fromErrorText(info.error, call.node, call.path));
    let value: unknown;
    try {
      info.reader.at = info.start;
      info.reader.end = info.end;
      value = this.decoder.reply(info.type, info.reader, call.returns);
    } catch (error) {
      return call.fail(unreadableReply(error, `${call.node.id} ${call.path}`, info.type));
    }
    call.succeed(value);
  }

  /** @returns true when the token is one of this wire's: those are odd */
  undeliverable(token: number): boolean {
    if (!Number.isInteger(token) || token % 2 !== 1) return false;
    const id = (token - 1) / 2;
    const call = this.pending.get(id);
    const node = call?.node ?? this.notified.get(id);
    if (node === undefined) return true;
    // The picker learns it first: a call that fails here is sent again at once.
    this.link.unreachable(node);
    if (call === undefined) {
      this.notified.delete(id);
      return true;
    }
    const older = this.sentBefore(id, node.address);
    this.pending.delete(id);
    if (older.length > 0) this.link.clock.after(LINGER_MS, () => this.abandon(older));
    call.fail(rpcError('NODE_UNREACHABLE', `${node.id} does not listen on ${node.address}; its process is gone, or about to come back`, { undelivered: true }));
    return true;
  }

  private abandon(calls: readonly OutboundCall[]): void {
    for (const victim of calls) {
      if (this.pending.get(victim.id) !== victim) continue;
      this.pending.delete(victim.id);
      victim.fail(rpcError('NODE_UNREACHABLE', `${victim.node.id} went away while ${victim.path} was in flight; the call may have run`));
    }
  }

  /** Earlier calls to an address that nobody listens on any more: they did arrive, and their replies will not. */
  private sentBefore(id: number, address: string): OutboundCall[] {
    const now = this.link.clock.now();
    const last = this.swept.get(address);
    if (last !== undefined && now - last < SWEEP_PAUSE_MS) return [];
    if (this.swept.size >= NOTIFIED) this.swept.clear();
    this.swept.set(address, now);
    const found: OutboundCall[] = [];
    for (const [other, call] of this.pending) {
      if (other === id) break;
      if (call.node.address === address) found.push(call);
    }
    return found;
  }

  private remember(call: OutboundCall): void {
    if (this.notified.size >= NOTIFIED) this.notified.delete(this.notified.keys().next().value!);
    this.notified.set(call.id, call.node);
  }

  close(): void {
    const left = [...this.pending.values()];
    this.pending.clear();
    this.notified.clear();
    for (const call of left) call.fail(rpcError('APP_STOPPED', `this app stopped before ${call.node.id} ${call.path} answered`));
  }
}

/** Odd for this wire, even for the native one: they share the transport. */
function tokenOf(id: number): number {
  return id * 2 + 1;
}
