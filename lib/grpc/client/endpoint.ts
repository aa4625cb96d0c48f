import type { AsyncResource } from 'node:async_hooks';
import type { Channel } from '@grpc/grpc-js';
import type { Clock } from '../../common/clock.js';
import type { GrpcLibrary } from '../load-grpc.js';
import type { ChannelSecurity } from './client-tls.js';
import type { GrpcClientSettings } from './client-options.js';
import { isHostPort } from './client-target.js';

/** The library's call, below its `Client`. */
export type RawCall = ReturnType<Channel['createCall']>;

/** What waits for the connection of an endpoint. */
export interface Waiting {
  /** A call may leave now, or fail at once with what keeps the channel from connecting. */
  connected(): void;
  /** No connection within `connectTimeoutMs`: nothing has left. */
  connectTimedOut(): void;
}

/** What channels are made with. */
export interface ChannelMaker {
  readonly grpc: GrpcLibrary;
  readonly clock: Clock;
  readonly security: ChannelSecurity;
  readonly settings: GrpcClientSettings;
  /** An async context without a call: connections that are made there keep no call's context alive. */
  readonly outside: AsyncResource;
}

/** A server that was lost is tried again this soon, and at least this often: registries tell of nodes sooner than the library's two minutes. */
const FIRST_BACKOFF_MS = 200;
const LAST_BACKOFF_MS = 3000;

/** One address, and the channel to it. Calls wait here until it is connected, so that of a call that found no connection we know that it never left. */
export class Endpoint {
  /** Calls that were begun and have not ended. */
  inFlight = 0;
  /** Nodes that have this address. */
  nodes = 0;
  /** Set by calls, cleared by the sweep that closes what nobody uses. */
  used = true;
  private readonly channel: Channel;
  private readonly waiting = new Set<Waiting>();
  private cancelTimeout: (() => void) | undefined;
  private isWatching = false;
  /** Calls have waited in vain, and nothing has changed since. */
  private isStalled = false;
  private retired = false;
  private isClosed = false;

  constructor(readonly address: string, private readonly maker: ChannelMaker) {
    const { grpc, security, settings } = maker;
    this.channel = new grpc.Channel(channelTarget(address), security.credentials, {
      ...security.options,
      'grpc.max_receive_message_length': settings.maxMessageBytes,
      'grpc.initial_reconnect_backoff_ms': FIRST_BACKOFF_MS,
      'grpc.max_reconnect_backoff_ms': LAST_BACKOFF_MS,
      // A web proxy of the environment is no way to a node; what the library resolves itself may be behind one.
      ...(isHostPort(address) && { 'grpc.enable_http_proxy': 0 }),
      ...(settings.keepaliveMs > 0 && { 'grpc.keepalive_time_ms': settings.keepaliveMs, 'grpc.keepalive_timeout_ms': settings.keepaliveTimeoutMs }),
      // It counts every call for a debugger that asks for it by gRPC; there is none.
      'grpc.enable_channelz': 0,
    });
  }

  /** At once where it is connected. */
  whenConnected(waiting: Waiting): void {
    this.used = true;
    if (this.isClosed || this.canStart(false)) return waiting.connected();
    if (this.isStalled) return waiting.connectTimedOut();
    this.waiting.add(waiting);
    if (this.waiting.size > 1) return;
    this.cancelTimeout = this.maker.clock.after(this.maker.settings.connectTimeoutMs, () => this.timedOut(), true);
    if (!this.isWatching) this.maker.outside.runInAsyncScope(() => this.watch());
  }

  /** It waits no more. */
  forget(waiting: Waiting): void {
    if (this.waiting.delete(waiting) && this.waiting.size === 0) this.cancelTimeout?.();
  }

  createCall(path: string): RawCall {
    // The deadline is the caller's: its end cancels the call.
    return this.channel.createCall(path, Infinity, null, null, null);
  }

  /** No more calls will come: closes when those in flight have ended. */
  retire(): void {
    this.retired = true;
    this.ended();
  }

  /** A call has ended. */
  ended(): void {
    if (this.retired && this.inFlight === 0 && this.waiting.size === 0) this.close();
  }

  /** Streams that are open go on until they end. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.cancelTimeout?.();
    this.channel.close();
    this.release();
  }

  /** A channel that cannot connect says so to the call that tries, with the reason, which it tells nobody else. */
  private canStart(tryToConnect: boolean): boolean {
    const { READY, TRANSIENT_FAILURE, SHUTDOWN } = this.maker.grpc.connectivityState;
    const state = this.channel.getConnectivityState(tryToConnect);
    return state === READY || state === TRANSIENT_FAILURE || state === SHUTDOWN;
  }

  private watch(): void {
    this.isWatching = true;
    const state = this.channel.getConnectivityState(true);
    this.channel.watchConnectivityState(state, Infinity, () => {
      this.isWatching = this.isStalled = false;
      if (this.isClosed || this.canStart(this.waiting.size > 0)) this.release();
      else if (this.waiting.size > 0) this.watch();
    });
  }

  private release(): void {
    this.cancelTimeout?.();
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const one of waiting) one.connected();
  }

  private timedOut(): void {
    this.isStalled = true;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const one of waiting) one.connectTimedOut();
  }
}

/** An IP address as it is: names are the resolver's, which asks again when a connection is lost. */
function channelTarget(address: string): string {
  return /^\d+(\.\d+){3}:\d+$/.test(address) ? `ipv4:${address}` : address.startsWith('[') ? `ipv6:${address}` : address;
}
