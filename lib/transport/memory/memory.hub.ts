import type { Delivery } from '../../rpc/transport.js';

/** What the hub knows of a transport. */
export interface HubPort {
  /** False: its cable is cut. */
  readonly isPlugged: boolean;
  receive(listener: HubListener, delivery: Delivery): void;
  undeliverable(token: number): void;
  plug(plugged: boolean): void;
}

/** One subscription. */
export interface HubListener {
  readonly port: HubPort;
  readonly onMessage: (delivery: Delivery) => void;
  isOpen: boolean;
}

interface Parcel {
  readonly sender: HubPort;
  readonly address: string;
  readonly bytes: Uint8Array;
  readonly token: number | undefined;
}

/** How a hub behaves; all optional. */
export interface MemoryHubOptions {
  /** As NATS has it out of the box, so that what is too large there is too large here. @default 1 MiB */
  maxMessageBytes?: number;
}

/**
 * The medium of {@link memory} transports: apps of one process that get the same hub reach each other.
 * Messages are copied, and arrive in order in a later turn of the event loop, as from a socket.
 * @public
 */
export class MemoryHub {
  /** @internal */ readonly maxMessageBytes: number;
  private readonly listeners = new Map<string, Set<HubListener>>();
  private readonly ports = new WeakMap<object, HubPort>();
  private parcels: Parcel[] = [];

  constructor(options: MemoryHubOptions = {}) {
    this.maxMessageBytes = options.maxMessageBytes ?? 1024 * 1024;
  }

  /** Breaks the link of one transport, as a pulled cable does: it notices, nothing comes in or goes out. For tests. */
  cut(transport: object): void {
    this.port(transport).plug(false);
  }

  /** Mends what {@link cut} broke. */
  restore(transport: object): void {
    this.port(transport).plug(true);
  }

  /** @internal */
  attach(transport: object, port: HubPort): void {
    this.ports.set(transport, port);
  }

  /** @internal */
  listen(address: string, listener: HubListener): void {
    const there = this.listeners.get(address);
    if (there === undefined) this.listeners.set(address, new Set([listener]));
    else there.add(listener);
  }

  /** @internal */
  unlisten(address: string, listener: HubListener): void {
    const there = this.listeners.get(address);
    if (there?.delete(listener) && there.size === 0) this.listeners.delete(address);
  }

  /** @internal */
  post(sender: HubPort, address: string, bytes: Uint8Array, token: number | undefined): void {
    if (this.parcels.length === 0) setImmediate(() => this.deliver());
    this.parcels.push({ sender, address, bytes: new Uint8Array(bytes), token });
  }

  private deliver(): void {
    const due = this.parcels;
    this.parcels = [];
    for (const { sender, address, bytes, token } of due) {
      let arrived = false;
      for (const listener of this.listeners.get(address) ?? []) {
        if (!listener.port.isPlugged) continue;
        // Each gets a copy of its own: what one does to it is not seen by the next.
        listener.port.receive(listener, { address, bytes: arrived ? new Uint8Array(bytes) : bytes });
        arrived = true;
      }
      if (!arrived && token !== undefined && sender.isPlugged) sender.undeliverable(token);
    }
  }

  private port(transport: object): HubPort {
    const port = this.ports.get(transport);
    if (port === undefined) throw new Error('this transport does not belong to this hub; cut and restore take what memory(hub) returned');
    return port;
  }
}

/** A medium for {@link memory} transports. @public */
export function memoryHub(options?: MemoryHubOptions): MemoryHub {
  return new MemoryHub(options);
}
