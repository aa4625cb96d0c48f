import { RpcContext } from '../../common/call-context.js';
import { rpcError } from '../../common/error-catalog.js';
import { events } from '../../common/events.js';
import { messageOf } from '../../common/message-of.js';
import { NODE_META, type ServiceNode } from '../../common/service-node.js';
import { ByteReader, MalformedBytes } from '../../rpc/byte-reader.js';
import type { Codec } from '../../rpc/codec.js';
import type { HandlerEntry, Responder } from '../../rpc/handler-entry.js';
import { handlerNotFound } from '../../rpc/handler-not-found.js';
import type { RpcError } from '../../common/rpc-error.js';
import type { Delivery, Subscription } from '../../rpc/transport.js';
import { fillEmpty, readSlots } from '../../rpc/value-slots.js';
import type { ValueType } from '../../common/value-types.js';
import type { NodeHost, OutboundCall, Wire, WireLink, WirePeer } from '../../rpc/wire.js';
import { FLAG, FRAME } from './frames.js';
import { readError, readHeader, readRequestHead, type RequestHead } from './frame-reader.js';
import { type DueReply, Remote } from './remote.js';

export const ANTHILL_WIRE = 'anthill/1';

/** Streams will add theirs. */
const CAPABILITIES = 'cancel,chain,metadata,ping,slots';

/** Remotes that nothing was said to for this long are forgotten. */
const IDLE_MS = 60_000;
/** How often processes that owe us replies are looked at, see {@link Pulse}. */
const TICK_MS = 100;
/** A process that stops answers what came last after it has stopped listening: its replies may be overtaken by the news that nobody listens. */
const LINGER_MS = 300;
/** More processes than any cluster has: what comes beyond is made up. */
const MAX_REMOTES = 20_000;

/** The native wire. @plugin */
export function anthillWire(): Wire {
  return { name: ANTHILL_WIRE, open: (link) => new AnthillPeer(link) };
}

/** A route of a received message: the handler it leads to, or why it leads nowhere. */
interface InboundRoute {
  readonly host: NodeHost | undefined;
  readonly entry: HandlerEntry | undefined;
  readonly codec: Codec | undefined;
  readonly caller: string;
  readonly nodeId: string;
  readonly path: string;
  readonly codecName: string;
}

class AnthillPeer implements WirePeer {
  readonly advertisement: Readonly<Record<string, string>>;
  private readonly address: string;
  private readonly byAddress = new Map<string, Remote>();
  private readonly byId = new Map<number, Remote>();
  private nextRemote = 1;
  private dirty: Remote[] = [];
  private flushing: NodeJS.Immediate | undefined;
  private microtask = false;
  private readonly flushNow = (): void => this.flush();
  private readonly flushSoon = (): void => {
    this.microtask = false;
    this.flush();
  };
  private subscription: Subscription | undefined;
  private sweepAt: number;
  private stopTicking: (() => void) | undefined;
  /** When the message being read came: one look at the clock for all of its calls. */
  private receivedAt = 0;

  constructor(private readonly wireLink: WireLink) {
    this.address = wireLink.transport.address('process', wireLink.processId);
    this.advertisement = { [NODE_META.process]: this.address, [NODE_META.capabilities]: CAPABILITIES };
    this.sweepAt = wireLink.clock.now() + IDLE_MS;
  }

  async start(): Promise<void> {
    this.subscription = await this.wireLink.transport.subscribe(this.address, (delivery) => this.receive(delivery));
  }

  /** Nodes share the process's subject: frames carry the target. */
  async serve(): Promise<void> {}

  unserve(): void {}

  send(call: OutboundCall): void {
    const { transport } = this.wireLink;
    if (!transport.isUp) {
      return call.fail(rpcError('TRANSPORT_DOWN', `${transport.name} is not connected, ${call.node.id} cannot be called now`, { undelivered: true }));
    }
    const address = call.node.metadata[NODE_META.process];
    if (address === undefined) {
      return call.fail(rpcError('WIRE_MISMATCH', `${call.node.id} says it speaks ${ANTHILL_WIRE} but publishes no ${NODE_META.process}`));
    }
    const remote = this.remote(address);
    if (remote === undefined) return call.fail(rpcError('QUEUE_FULL', `this process talks to ${MAX_REMOTES} others already`, { undelivered: true }));
    // Whoever is silent gets one call now and then, not the next hundred.
    if (remote.pulse.isSilent) this.wireLink.unreachable(call.node);
    this.stopTicking ??= this.wireLink.clock.after(TICK_MS, () => this.tick());
    remote.request(call);
  }

  cancel(call: OutboundCall): void {
    const address = call.node.metadata[NODE_META.process];
    if (address !== undefined) this.byAddress.get(address)?.cancel(call.id);
  }

  undeliverable(token: number): boolean {
    if (token % 2 !== 0) return false;
    const remote = this.byId.get(Remote.ofToken(token));
    if (remote === undefined) return true;
    const nodes = remote.takeNodes();
    // The picker learns it first: a call that fails here is sent again at once.
    for (const node of nodes) this.wireLink.unreachable(node);
    const where = nodes.map((node) => node.id).join(', ') || remote.address;
    remote.lost(token, where);
    if (remote.pending.size > 0) this.wireLink.clock.after(LINGER_MS, () => remote.gone(token, where));
    return true;
  }

  /** Looks after the processes that owe us replies. */
  private tick(): void {
    let watched = false;
    for (const remote of this.byAddress.values()) {
      watched ||= remote.isWatched;
      const news = remote.tick();
      if (news === undefined) continue;
      if (news === 'lost' && events.count.hasSubscribers) events.count.publish({ name: 'process.silent', detail: remote.address });
      for (const node of remote.calledNodes) {
        if (news === 'lost') this.wireLink.unreachable(node);
        else this.wireLink.reachable(node);
      }
    }
    this.stopTicking = watched ? this.wireLink.clock.after(TICK_MS, () => this.tick()) : undefined;
  }

  link(up: boolean): void {
    if (up) return;
    const { name } = this.wireLink.transport;
    const unsent = rpcError('TRANSPORT_DOWN', `${name} went away before the call was sent`, { undelivered: true });
    const error = rpcError('TRANSPORT_DOWN', `${name} went away before the reply came; the call may have been served`);
    for (const remote of this.byAddress.values()) {
      remote.dropUnsent(unsent);
      remote.failAll(error);
    }
  }

  flush(): void {
    if (this.flushing) clearImmediate(this.flushing);
    this.flushing = undefined;
    const { dirty } = this;
    this.dirty = [];
    for (const remote of dirty) {
      remote.isDirty = false;
      remote.flush();
    }
    if (this.wireLink.clock.now() > this.sweepAt) this.sweep();
  }

  async drain(): Promise<void> {
    await this.subscription?.drain?.();
  }

  close(): void {
    this.flush();
    this.stopTicking?.();
    this.subscription?.close();
    const error = rpcError('APP_STOPPED', 'the app stopped before the reply came');
    for (const remote of this.byAddress.values()) remote.failAll(error);
    this.byAddress.clear();
    this.byId.clear();
  }

  private remote(address: string): Remote | undefined {
    let remote = this.byAddress.get(address);
    if (remote === undefined) {
      if (this.byAddress.size >= MAX_REMOTES) this.sweep(0);
      if (this.byAddress.size >= MAX_REMOTES) return undefined;
      do this.nextRemote = (this.nextRemote + 1) % (2 * MAX_REMOTES);
      while (this.byId.has(this.nextRemote));
      remote = new Remote(address, this.nextRemote, this.address, this.wireLink.transport, (dirty) => this.schedule(dirty));
      this.byAddress.set(address, remote);
      this.byId.set(remote.id, remote);
    }
    return remote;
  }

  /**
   * One flush per turn of the event loop, after all that the turn's messages set off. Where nothing else is under way with a process there
   * is nothing to wait for: that flush comes as soon as the running code is done, so that a lone call pays no extra turn.
   */
  private schedule(remote: Remote): void {
    this.dirty.push(remote);
    if (remote.isQuiet) {
      if (this.microtask) return;
      this.microtask = true;
      queueMicrotask(this.flushSoon);
      return;
    }
    this.flushing ??= setImmediate(this.flushNow);
  }

  private sweep(idleMs = IDLE_MS): void {
    const now = this.wireLink.clock.now();
    this.sweepAt = now + IDLE_MS;
    for (const remote of this.byAddress.values()) {
      if (!remote.isIdle) remote.lastUsedAt = now;
      else if (remote.lastUsedAt === 0 && idleMs > 0) remote.lastUsedAt = now;
      else if (now - remote.lastUsedAt >= idleMs) {
        this.byAddress.delete(remote.address);
        this.byId.delete(remote.id);
      }
    }
  }

  private receive({ bytes }: Delivery): void {
    this.receivedAt = this.wireLink.clock.now();
    const reader = new ByteReader(bytes);
    try {
      const sender = readHeader(reader);
      const known = this.byAddress.get(sender);
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
        this.byAddress.get(sender)?.cancelled(reader.varint());
        return;
      case FRAME.ping:
        this.remote(sender)?.pong();
        return;
      case FRAME.pong:
        this.byAddress.get(sender)?.pulse.pong();
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
    const remote = this.remote(sender);
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
      const value = slots ? readSlots(reader, call.returns === undefined ? undefined : [call.returns], call.codec, 'reply')[0] : call.codec.decode(reader);
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
    const call = this.byAddress.get(sender)?.settle(callId);
    // Late, repeated, or somebody else's.
    if (call === undefined && events.count.hasSubscribers) events.count.publish({ name: 'reply.unknown', detail: sender });
    return call;
  }
}

function readArgs(reader: ByteReader, head: RequestHead, entry: HandlerEntry, codec: Codec): readonly unknown[] {
  if (head.flags & FLAG.slots) return readSlots(reader, entry.argTypes, codec, 'argument');
  const args = codec.decode(reader);
  if (!Array.isArray(args)) throw new MalformedBytes('arguments are not an array');
  return fillEmpty(args, entry.argTypes);
}

/** Answers one call of another process, and is the reply that it answers with. */
class RemoteResponder implements Responder, DueReply {
  value: unknown;
  /** Its call is in the remote's `serving`: once it is gone from there, nobody waits for an answer any more. */
  isTracked = false;

  constructor(
    private readonly remote: Remote,
    readonly callId: number,
    readonly noReply: boolean,
    readonly codec: Codec,
    private readonly entry: HandlerEntry | undefined,
    private readonly route: InboundRoute,
  ) {}

  get returns(): ValueType | undefined {
    return this.entry?.returns;
  }

  get where(): string {
    return `${this.route.nodeId} ${this.route.path}`;
  }

  reply(value: unknown): void {
    if (this.isMute()) return;
    this.value = value === undefined ? null : value;
    this.remote.reply(this);
  }

  fail(error: RpcError): void {
    if (this.isMute()) return;
    this.remote.error(this.callId, error, this.codec);
  }

  private isMute(): boolean {
    return this.noReply || (this.isTracked && !this.remote.serving.delete(this.callId));
  }
}
