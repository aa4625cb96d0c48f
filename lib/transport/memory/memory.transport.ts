import { rpcError } from '../../common/error-catalog.js';
import type { HealthReport } from '../../common/lifecycle.js';
import type { RpcError } from '../../common/rpc-error.js';
import type { Delivery, Subscription, Transport, TransportEvents } from '../../rpc/transport.js';
import { deliver, NO_EVENTS, tell } from '../deliver.js';
import { payloadTooLarge, transportClosed } from '../refusals.js';
import { subjectOf } from '../subject.js';
import { memoryHub, type HubListener, type HubPort, type MemoryHub } from './memory.hub.js';

/**
 * The transport that needs nothing installed, and the reference for the others: bytes are copied, arrive later and in order, reach
 * nobody when nobody listens, and its link can be cut (`hub.cut(transport)`).
 * @param hub what its apps share; by default nobody else is there
 * @public
 */
export function memory(hub: MemoryHub = memoryHub()): Transport {
  return new MemoryTransport(hub);
}

class MemoryTransport implements Transport {
  readonly name = 'memory';
  private state: 'new' | 'connected' | 'closed' = 'new';
  private isCut = false;
  private events: TransportEvents = NO_EVENTS;
  private readonly listeners = new Map<HubListener, string>();
  private waiting: (() => void)[] = [];
  private readonly port: HubPort;

  constructor(private readonly hub: MemoryHub) {
    // A getter: whether it is plugged in counts when a message arrives.
    const isPlugged = () => this.isUp;
    this.port = {
      get isPlugged() {
        return isPlugged();
      },
      receive: (listener, delivery) => {
        if (listener.isOpen) deliver(listener.onMessage, delivery, this.events.logger);
      },
      undeliverable: (token) => tell(this.events, 'onUndeliverable', () => this.events.onUndeliverable(token)),
      plug: (plugged) => this.plug(plugged),
    };
    hub.attach(this, this.port);
  }

  get maxMessageBytes(): number {
    return this.hub.maxMessageBytes;
  }

  get isUp(): boolean {
    return this.state === 'connected' && !this.isCut;
  }

  on(events: TransportEvents): void {
    this.events = events;
  }

  address(kind: 'node' | 'process', name: string): string {
    return subjectOf(kind, name);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.state === 'closed') throw transportClosed(this.name);
    if (this.isCut) throw this.down();
    this.state = 'connected';
  }

  async subscribe(address: string, onMessage: (delivery: Delivery) => void): Promise<Subscription> {
    if (this.state !== 'connected') throw this.down();
    const listener: HubListener = { port: this.port, onMessage, isOpen: true };
    this.listeners.set(listener, address);
    this.hub.listen(address, listener);
    while (!this.isUp) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
      if (this.state !== 'connected') throw this.down();
    }
    return { close: () => this.unlisten(listener, address) };
  }

  send(address: string, bytes: Uint8Array, token?: number): void {
    if (!this.isUp) throw this.down();
    if (bytes.length > this.maxMessageBytes) throw payloadTooLarge(bytes.length, this.maxMessageBytes, address, 'memoryHub({ maxMessageBytes })');
    this.hub.post(this.port, address, bytes, token);
  }

  async flush(): Promise<void> {
    if (!this.isUp) throw this.down();
    // The hub delivers what waits in an immediate that was set before this one.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closed';
    for (const [listener, address] of this.listeners) this.unlisten(listener, address);
    this.wake();
  }

  health(): HealthReport {
    return this.isUp ? { status: 'up' } : { status: 'down', detail: this.down().message };
  }

  private unlisten(listener: HubListener, address: string): void {
    listener.isOpen = false;
    this.listeners.delete(listener);
    this.hub.unlisten(address, listener);
  }

  private plug(plugged: boolean): void {
    if (this.isCut === !plugged) return;
    this.isCut = !plugged;
    if (this.state !== 'connected') return;
    if (plugged) this.wake();
    tell(this.events, 'onLink', () => this.events.onLink(plugged));
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  private down(): RpcError {
    if (this.state === 'closed') return transportClosed(this.name);
    const why = this.isCut ? 'was cut; hub.restore(transport) mends it' : 'is not connected; call connect() first';
    return rpcError('TRANSPORT_DOWN', `the memory transport ${why}`, { undelivered: true });
  }
}
