import { rpcError } from '../../common/error-catalog.js';
import { NODE_META } from '../../common/service-node.js';
import type { Subscription } from '../../rpc/transport.js';
import type { OutboundCall, Wire, WireLink, WirePeer } from '../../rpc/wire.js';
import { ANTHILL_WIRE } from './frames.js';
import { Inbound } from './inbound.js';
import { MAX_REMOTES, Remotes } from './remotes.js';

/** Streams will add theirs. */
const CAPABILITIES = 'cancel,chain,metadata,ping,slots';
/** A process that stops answers what came last after it has stopped listening: its replies may be overtaken by the news that nobody listens. */
const LINGER_MS = 300;

/** The native wire. @plugin */
export function anthillWire(): Wire {
  return { name: ANTHILL_WIRE, open: (link) => new AnthillPeer(link) };
}

class AnthillPeer implements WirePeer {
  readonly advertisement: Readonly<Record<string, string>>;
  private readonly address: string;
  private readonly remotes: Remotes;
  private readonly inbound: Inbound;
  private subscription: Subscription | undefined;

  constructor(private readonly wireLink: WireLink) {
    this.address = wireLink.transport.address('process', wireLink.processId);
    this.advertisement = { [NODE_META.process]: this.address, [NODE_META.capabilities]: CAPABILITIES };
    this.remotes = new Remotes(wireLink, this.address);
    this.inbound = new Inbound(wireLink, this.remotes);
  }

  async start(): Promise<void> {
    this.subscription = await this.wireLink.transport.subscribe(this.address, (delivery) => this.inbound.receive(delivery));
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
    const remote = this.remotes.get(address);
    if (remote === undefined) return call.fail(rpcError('QUEUE_FULL', `this process talks to ${MAX_REMOTES} others already`, { undelivered: true }));
    // Whoever is silent gets one call now and then, not the next hundred.
    if (remote.pulse.isSilent) this.wireLink.unreachable(call.node);
    this.remotes.watch();
    remote.request(call);
  }

  cancel(call: OutboundCall): void {
    const address = call.node.metadata[NODE_META.process];
    if (address !== undefined) this.remotes.find(address)?.cancel(call.id);
  }

  undeliverable(token: number): boolean {
    if (token % 2 !== 0) return false;
    const remote = this.remotes.ofToken(token);
    if (remote === undefined) return true;
    const nodes = remote.takeNodes();
    // The picker learns it first: a call that fails here is sent again at once.
    for (const node of nodes) this.wireLink.unreachable(node);
    const where = nodes.map((node) => node.id).join(', ') || remote.address;
    remote.lost(token, where);
    if (remote.pending.size > 0) this.wireLink.clock.after(LINGER_MS, () => remote.gone(token, where));
    return true;
  }

  link(up: boolean): void {
    if (up) return;
    const { name } = this.wireLink.transport;
    const unsent = rpcError('TRANSPORT_DOWN', `${name} went away before the call was sent`, { undelivered: true });
    const error = rpcError('TRANSPORT_DOWN', `${name} went away before the reply came; the call may have been served`);
    for (const remote of this.remotes.all()) {
      remote.dropUnsent(unsent);
      remote.failAll(error);
    }
  }

  flush(): void {
    this.remotes.flush();
  }

  async drain(): Promise<void> {
    await this.subscription?.drain?.();
  }

  close(): void {
    this.flush();
    this.subscription?.close();
    const error = rpcError('APP_STOPPED', 'the app stopped before the reply came');
    for (const remote of this.remotes.all()) remote.failAll(error);
    this.remotes.close();
  }
}
