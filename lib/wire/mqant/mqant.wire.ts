import type { Delivery, Subscription } from '../../rpc/transport.js';
import type { NodeHost, OutboundCall, Wire, WireLink, WirePeer } from '../../rpc/wire.js';
import { MqantCallee } from './callee.js';
import { MqantCaller } from './caller.js';
import type { ValueSerializer } from '../../rpc/value-serializer.js';
import { SerializerTable } from './serializer.js';
import { sessionSerializer } from './session.serializer.js';
import { ValueDecoder } from './value-decoder.js';
import { ValueEncoder } from './value-encoder.js';

/** @public */
export interface MqantWireOptions {
  /** Types beyond mqant's own and SESSION, as its `AddRPCSerialize` adds them. One named SESSION replaces ours. */
  readonly serializers?: readonly ValueSerializer[];
}

const NOTHING: Readonly<Record<string, string>> = Object.freeze({});

/**
 * The wire of mqant v1.4.8 to v1.5.3: any such node can call ours and be called. docs/mqant-wire.md says what travels and what does not.
 * @throws BootError SERIALIZER_NAME, DUPLICATE_SERIALIZER
 * @public
 */
export function mqantWire(options: MqantWireOptions = {}): Wire {
  const own = options.serializers ?? [];
  const serializers = new SerializerTable(own.some(({ name }) => name === sessionSerializer.name) ? own : [...own, sessionSerializer]);
  return {
    name: 'mqant',
    open: (link) => new MqantPeer(link, new ValueEncoder(serializers), new ValueDecoder(serializers)),
  };
}

/** One process on this wire: an inbox for its replies, and one subscription for each of its nodes. */
class MqantPeer implements WirePeer {
  /** A node that says nothing about wires speaks this one. */
  readonly advertisement = NOTHING;
  private readonly inbox: string;
  private readonly caller: MqantCaller;
  private readonly callee: MqantCallee;
  private readonly nodes = new Map<string, Subscription>();
  private replies: Subscription | undefined;
  private closed = false;

  constructor(
    private readonly wireLink: WireLink,
    encoder: ValueEncoder,
    decoder: ValueDecoder,
  ) {
    this.inbox = wireLink.transport.address('process', `mqant-${wireLink.processId}`);
    this.caller = new MqantCaller(wireLink, this.inbox, encoder, decoder);
    this.callee = new MqantCallee(wireLink, encoder, decoder);
  }

  async start(): Promise<void> {
    const subscription = await this.wireLink.transport.subscribe(this.inbox, ({ bytes }: Delivery) => this.caller.onReply(bytes));
    if (this.closed) return subscription.close();
    this.replies?.close();
    this.replies = subscription;
  }

  async serve(host: NodeHost, address: string): Promise<void> {
    const subscription = await this.wireLink.transport.subscribe(address, ({ bytes }: Delivery) => this.callee.onRequest(host, bytes));
    if (this.closed) return subscription.close();
    this.unserve(host.nodeId);
    this.nodes.set(host.nodeId, subscription);
  }

  unserve(nodeId: string): void {
    this.nodes.get(nodeId)?.close();
    this.nodes.delete(nodeId);
  }

  send(call: OutboundCall): void {
    this.caller.send(call);
  }

  /** mqant has no cancel: the callee goes on, its reply is dropped. */
  cancel(call: OutboundCall): void {
    this.caller.forget(call.id);
  }

  undeliverable(token: number): boolean {
    return this.caller.undeliverable(token);
  }

  /** Calls in flight wait for their replies or their deadlines, see {@link MqantCaller}. */
  link(): void {}

  flush(): void {}

  async drain(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((subscription) => subscription.drain?.()));
  }

  close(): void {
    this.closed = true;
    for (const subscription of this.nodes.values()) subscription.close();
    this.nodes.clear();
    this.replies?.close();
    this.caller.close();
  }
}
