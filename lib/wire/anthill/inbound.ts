import { RpcContext } from '../../common/call-context.js';
import { rpcError } from '../../common/error-catalog.js';
import { events } from '../../common/events.js';
import { messageOf } from '../../common/message-of.js';
import type { RpcError } from '../../common/rpc-error.js';
import { ByteReader, MalformedBytes } from '../../rpc/byte-reader.js';
import type { Codec } from '../../rpc/codec.js';
import type { HandlerEntry } from '../../rpc/handler-entry.js';
import { handlerNotFound } from '../../rpc/handler-not-found.js';
import type { Delivery } from '../../rpc/transport.js';
import { fillEmpty, readSlots } from '../../rpc/value-slots.js';
import type { OutboundCall, WireLink } from '../../rpc/wire.js';
import { ANTHILL_WIRE, FLAG, FRAME } from './frames.js';
import { readError, readHeader, readRequestHead, type RequestHead } from './frame-reader.js';
import { type InboundRoute, RemoteResponder } from './remote-responder.js';
import type { Remotes } from './remotes.js';

/** Reads what comes for this process: requests go to its nodes, replies to the calls that wait for them. */
export class Inbound {
  /** When the message being read came: one look at the clock for all of its calls. */
  private receivedAt = 0;

  constructor(
    private readonly wireLink: WireLink,
    private readonly remotes: Remotes,
  ) {}

  /** A message of the process's subject. Never throws: what cannot be read is counted and dropped. */
  receive({ bytes }: Delivery): void {
    this.receivedAt = this.wireLink.clock.now();
    const reader = new ByteReader(bytes);
    try {
      const sender = readHeader(reader);
      const known = this.remotes.find(sender);
      if (known !== undefined) known.pulse.heard = true;
      const routes: (InboundRoute | undefined)[] = [];
      const { end } = reader;
      while (reader.at < end) {
        const type = reader.u8();
        const size = reader.varint();
        reader.need(size);
        const next = reader.at + size;
        reader.end = next;
        try {
          this.frame(type, reader, sender, routes);
        } catch (error) {
          // Its length is known: the frames after it are still good.
          if (type === FRAME.route) routes.push(undefined);
          this.dropped(error);
        }
        reader.at = next;
        reader.end = end;
      }
    } catch (error) {
      this.dropped(error);
    }
  }

  /** Counted, and said aloud when it was no stranger's fault. */
  private dropped(why: unknown): void {
    if (!(why instanceof MalformedBytes)) this.wireLink.logger.error('a frame could not be handled', { error: why });
    if (events.count.hasSubscribers) events.count.publish({ name: 'frame.dropped', detail: messageOf(why) });
  }

  private frame(type: number, reader: ByteReader, sender: string, routes: (InboundRoute | undefined)[]): void {
    switch (type) {
      case FRAME.route:
        routes.push(this.readRoute(reader));
        return;
      case FRAME.request:
        return this.onRequest(reader, sender, routes);
      case FRAME.reply:
        return this.onReply(reader, sender);
      case FRAME.error:
        return this.onError(reader, sender);
      case FRAME.cancel:
        this.remotes.find(sender)?.cancelled(reader.varint());
        return;
      case FRAME.ping:
        this.remotes.get(sender)?.pong();
        return;
      case FRAME.pong:
        this.remotes.find(sender)?.pulse.pong();
        return;
      default:
        // A frame of a later version: skipped by its length.
        if (events.count.hasSubscribers) events.count.publish({ name: 'frame.skipped', detail: `type ${type}` });
    }
  }

  private readRoute(reader: ByteReader): InboundRoute {
    const nodeId = reader.text();
    const path = reader.text();
    const caller = reader.text();
    const codecName = reader.text();
    const host = this.wireLink.host(nodeId);
    return { nodeId, path, caller, codecName, host, entry: host?.lookup(path), codec: this.wireLink.codecs.get(codecName) };
  }

  private onRequest(reader: ByteReader, sender: string, routes: readonly (InboundRoute | undefined)[]): void {
    const head = readRequestHead(reader);
    const route = routes[head.route];
    if (route === undefined) throw new MalformedBytes(`request with route ${head.route} of ${routes.length}`);
    const remote = this.remotes.get(sender);
    if (remote === undefined) return this.dropped(new MalformedBytes('too many processes'));
    const { host, entry } = route;
    // Errors go in the default codec when the caller's is not known here.
    const codec = route.codec ?? this.wireLink.codecs.values().next().value!;
    const responder = new RemoteResponder(remote, head.callId, (head.flags & FLAG.noReply) !== 0, codec, entry, route);
    if (host === undefined) {
      return responder.fail(rpcError('NODE_UNREACHABLE', `node ${route.nodeId} is not in this process any more`, { undelivered: true }));
    }
    if (entry === undefined || (head.flags & FLAG.external && !entry.public)) return responder.fail(handlerNotFound(host, route.path, (head.flags & FLAG.external) !== 0));
    if (route.codec === undefined) {
      const known = [...this.wireLink.codecs.keys()].join(', ');
      return responder.fail(rpcError('CODEC_UNKNOWN', `${route.nodeId} does not know the codec '${route.codecName}'; it has ${known}`));
    }
    let args: readonly unknown[];
    try {
      args = readArgs(reader, head, entry, codec);
    } catch (error) {
      return responder.fail(rpcError('MALFORMED_PAYLOAD', `the arguments of ${route.nodeId} ${route.path} cannot be read: ${messageOf(error)}`));
    }
    const { clock } = this.wireLink;
    const context = new RpcContext(
      {
        path: route.path,
        nodeId: route.nodeId,
        caller: route.caller,
        deadlineAt: this.receivedAt + head.timeoutMs,
        external: (head.flags & FLAG.external) !== 0,
        wire: ANTHILL_WIRE,
        metadata: head.metadata,
        chain: head.chain,
      },
      clock,
    );
    if (!responder.noReply) {
      remote.serving.set(head.callId, context);
      responder.isTracked = true;
    }
    host.dispatch(entry, args, context, responder);
  }

  private onReply(reader: ByteReader, sender: string): void {
    const call = this.settle(reader, sender);
    if (call === undefined) return;
    try {
      const slots = (reader.u8() & FLAG.slots) !== 0;
      const value = slots ? readOnly(readSlots(reader, call.returns === undefined ? undefined : [call.returns], call.codec, 'reply')) : call.codec.decode(reader);
      call.succeed(value);
    } catch (error) {
      call.fail(rpcError('REPLY_TYPE', `the reply of ${call.node.id} ${call.path} cannot be read: ${messageOf(error)}`, { cause: error }));
    }
  }

  private onError(reader: ByteReader, sender: string): void {
    const call = this.settle(reader, sender);
    if (call === undefined) return;
    let error: RpcError;
    try {
      error = readError(reader, call.codec);
    } catch (cause) {
      error = rpcError('REPLY_TYPE', `the error of ${call.node.id} ${call.path} cannot be read: ${messageOf(cause)}`, { cause });
    }
    // It stops: others need not find that out for themselves.
    if (error.reason === 'DRAINING' && error.undelivered) this.wireLink.unreachable(call.node);
    call.fail(error);
  }

  private settle(reader: ByteReader, sender: string): OutboundCall | undefined {
    const callId = reader.varint();
    const call = this.remotes.find(sender)?.settle(callId);
    // Late, repeated, or somebody else's.
    if (call === undefined && events.count.hasSubscribers) events.count.publish({ name: 'reply.unknown', detail: sender });
    return call;
  }
}

function readOnly(values: readonly unknown[]): unknown {
  if (values.length !== 1) throw new MalformedBytes(`${values.length} results`);
  return values[0];
}

function readArgs(reader: ByteReader, head: RequestHead, entry: HandlerEntry, codec: Codec): readonly unknown[] {
  if (head.flags & FLAG.slots) return readSlots(reader, entry.argTypes, codec, 'argument');
  const args = codec.decode(reader);
  if (!Array.isArray(args)) throw new MalformedBytes('arguments are not an array');
  return fillEmpty(args, entry.argTypes);
}
