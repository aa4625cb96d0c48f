import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { systemClock, systemRandom, type Clock, type RandomSource } from '../../common/clock.js';
import { rpcError } from '../../common/error-catalog.js';
import type { HealthReport } from '../../common/lifecycle.js';
import type { RpcError } from '../../common/rpc-error.js';
import type { Delivery, Subscription, Transport, TransportEvents } from '../../rpc/transport.js';
import { count, NO_EVENTS, tell } from '../deliver.js';
import { payloadTooLarge } from '../refusals.js';
import { subjectOf } from '../subject.js';
import { NatsLink } from './nats.link.js';
import { resolveNatsOptions, type NatsOptions, type ResolvedNatsOptions } from './nats.options.js';
import { NatsOutbound } from './nats.outbound.js';
import { NatsSubscription } from './nats.subscription.js';
import { within } from './within.js';

/** The server's control line ends at 4096 bytes; a longer one ends the connection. */
const MAX_ADDRESS = 1024;
const FLUSH_TIMEOUT_MS = 5000;
const DRAIN_TIMEOUT_MS = 500;

/**
 * Messages over NATS core: at most once, one connection for all. While the server is away nothing is handed to the client library,
 * which would keep it and send it later, when its caller has long given up. Needs the package `@nats-io/transport-node`.
 * @throws BootError NATS_OPTIONS
 * @public
 */
export function nats(options: NatsOptions = {}): Transport {
  return new NatsTransport(resolveNatsOptions(options), systemClock, systemRandom);
}

/** @internal */
export class NatsTransport implements Transport {
  readonly name = 'nats';
  maxMessageBytes = 1024 * 1024;
  private events: TransportEvents = NO_EVENTS;
  private readonly link: NatsLink;
  private readonly outbound: NatsOutbound;
  private readonly subscriptions = new Set<NatsSubscription>();
  private connecting: Promise<void> | undefined;
  private closing: Promise<void> | undefined;
  /** Where the server answers that nobody listens: this, and the token. */
  private readonly inbox: string;
  private control: { unsubscribe(): void } | undefined;
  /** One object for all messages: the library reads it before `publish` returns. */
  private readonly withReply = { reply: '' };

  constructor(
    private readonly options: ResolvedNatsOptions,
    private readonly clock: Clock,
    random: RandomSource,
  ) {
    this.inbox = `${options.inboxPrefix}.${random.hex(8)}.`;
    this.outbound = new NatsOutbound(options.maxPendingBytes, () => this.link.connection!.flush());
    const hooks = {
      prepare: (connection: NatsConnection) => this.prepare(connection),
      onUp: (connection: NatsConnection, again: boolean) => this.onUp(connection, again),
      onDown: () => {
        this.outbound.reset();
        tell(this.events, 'onLink', () => this.events.onLink(false));
      },
      logger: () => this.events.logger,
    };
    this.link = new NatsLink(options, hooks, clock, random);
  }

  get isUp(): boolean {
    return this.link.isUp;
  }

  on(events: TransportEvents): void {
    this.events = events;
  }

  address(kind: 'node' | 'process', name: string): string {
    return subjectOf(kind, name);
  }

  connect(signal?: AbortSignal): Promise<void> {
    return (this.connecting ??= this.link.open(signal).finally(() => (this.connecting = undefined)));
  }

  async subscribe(address: string, onMessage: (delivery: Delivery) => void): Promise<Subscription> {
    const { connection } = this.link;
    if (connection === undefined || this.closing) throw this.link.down();
    const subscription = new NatsSubscription(address, onMessage, () => this.events.logger, (closed) => this.subscriptions.delete(closed));
    try {
      subscription.open(connection);
    } catch (cause) {
      throw this.refusal(cause, address);
    }
    this.subscriptions.add(subscription);
    await this.link.confirm(connection);
    if (subscription.denied) {
      subscription.close();
      throw this.link.explain(subscription.denied);
    }
    return {
      close: () => subscription.close(),
      drain: () => (this.link.isUp ? within(this.clock, DRAIN_TIMEOUT_MS, subscription.drain()).catch(() => subscription.close()) : Promise.resolve(subscription.close())),
    };
  }

  send(address: string, bytes: Uint8Array, token?: number): void {
    const { link, outbound } = this;
    if (!link.isUp) throw link.down();
    if (bytes.length > this.maxMessageBytes) throw payloadTooLarge(bytes.length, this.maxMessageBytes, address, 'max_payload of the NATS server');
    if (outbound.isFull) throw this.outboundFull();
    if (address.length > MAX_ADDRESS) throw noAddress(address);
    try {
      if (token === undefined) {
        link.connection!.publish(address, bytes);
      } else {
        this.withReply.reply = this.inbox + token;
        link.connection!.publish(address, bytes, this.withReply);
      }
    } catch (cause) {
      throw this.refusal(cause, address);
    }
    outbound.add(bytes.length);
  }

  async flush(): Promise<void> {
    const { link } = this;
    if (!link.isUp) throw link.down();
    try {
      await within(this.clock, FLUSH_TIMEOUT_MS, link.connection!.flush());
    } catch (cause) {
      const message = `what was sent to NATS at ${link.where()} may be lost: ${(cause as Error).message}`;
      throw rpcError('TRANSPORT_DOWN', message, { undelivered: true, cause });
    }
  }

  close(): Promise<void> {
    return (this.closing ??= this.end());
  }

  health(): HealthReport {
    if (!this.link.isUp) return { status: 'down', detail: this.link.down().message };
    for (const { denied, address } of this.subscriptions) {
      if (denied) return { status: 'down', detail: `NATS at ${this.link.where()} does not let us listen on ${address}` };
    }
    return { status: 'up' };
  }

  private async end(): Promise<void> {
    this.control?.unsubscribe();
    for (const subscription of this.subscriptions) subscription.close();
    await this.link.close();
  }

  private prepare(connection: NatsConnection): () => void {
    let denied: Error | undefined;
    this.control?.unsubscribe();
    this.control = connection.subscribe(`${this.inbox}*`, {
      callback: (error, message) => {
        if (error) denied = error;
        else this.onControl(message);
      },
    });
    return () => {
      if (denied) throw denied;
    };
  }

  private onUp(connection: NatsConnection, again: boolean): void {
    this.maxMessageBytes = connection.info?.max_payload ?? this.maxMessageBytes;
    this.outbound.reset();
    for (const subscription of this.subscriptions) subscription.renew(connection);
    if (again) tell(this.events, 'onLink', () => this.events.onLink(true));
  }

  /** The server's answer `503` to a message that reached nobody. Who knows the inbox can write there too: all else is ignored. */
  private onControl(message: Msg): void {
    if (message.data.length > 0 || message.headers?.code !== 503) return;
    const token = Number(message.subject.slice(this.inbox.length));
    if (Number.isSafeInteger(token)) tell(this.events, 'onUndeliverable', () => this.events.onUndeliverable(token));
  }

  private refusal(cause: unknown, address: string): RpcError {
    return (cause as Error).name === 'InvalidSubjectError' ? noAddress(address) : this.link.explain(cause);
  }

  private outboundFull(): RpcError {
    count('nats.outbound_full');
    const where = this.link.where();
    const message = `${this.outbound.bytes} bytes wait to reach NATS at ${where}, the limit is ${this.options.maxPendingBytes}; it does not keep up: send less at a time`;
    return rpcError('OUTBOUND_FULL', message, { undelivered: true });
  }
}

function noAddress(address: string): RpcError {
  const shown = address.length > 80 ? `${address.slice(0, 77)}...` : address;
  return rpcError('NODE_UNREACHABLE', `"${shown}" is no NATS subject; what was registered for this node is broken`, { undelivered: true });
}
