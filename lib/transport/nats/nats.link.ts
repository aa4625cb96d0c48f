import type { NatsConnection, Status } from '@nats-io/transport-node';
import type { Clock, RandomSource } from '../../common/clock.js';
import { rpcError } from '../../common/error-catalog.js';
import type { Logger } from '../../common/logger.js';
import { RpcError } from '../../common/rpc-error.js';
import { count } from '../deliver.js';
import { transportClosed } from '../refusals.js';
import { openNats } from './nats.connect.js';
import { explainNatsError, isNatsAuthError } from './nats.errors.js';
import type { ResolvedNatsOptions } from './nats.options.js';
import { within } from './within.js';

/** What the transport does at the turns of a link. */
export interface NatsLinkHooks {
  /** A connection is made: subscribe what must be there before it counts as up. What it throws by then ends the connection. */
  prepare(connection: NatsConnection): () => void;
  /** `again`: after it was lost. Called before `isUp` is seen to change by anybody who waits. */
  onUp(connection: NatsConnection, again: boolean): void;
  onDown(): void;
  logger(): Logger | undefined;
}

const CLOSE_TIMEOUT_MS = 1000;
const MAX_LOGGED = 20;

/**
 * The one connection, and whether messages may be handed to it. The client library buffers while its server is away and sends later,
 * so that `isUp` is kept here, from its status events, and asked before every message.
 */
export class NatsLink {
  isUp = false;
  connection: NatsConnection | undefined;
  private isClosed = false;
  private lastError: Error | undefined;
  /** Errors already in the log since the link came up. */
  private readonly logged = new Set<string>();
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly options: ResolvedNatsOptions,
    private readonly hooks: NatsLinkHooks,
    private readonly clock: Clock,
    private readonly random: RandomSource,
  ) {}

  /** One try. @throws RpcError */
  async open(signal?: AbortSignal): Promise<void> {
    if (this.isClosed) throw transportClosed('nats');
    if (this.connection) return;
    const connection = this.options.connection ?? (await openNats(this.options, () => this.reconnectDelayMs(), signal));
    const attempt = { isOver: false };
    void this.follow(connection, attempt);
    try {
      const ready = this.hooks.prepare(connection);
      // A connection of the user's may be down just now.
      await within(this.clock, this.options.connectTimeoutMs, connection.flush());
      ready();
      signal?.throwIfAborted();
      if (this.isClosed) throw transportClosed('nats');
    } catch (error) {
      attempt.isOver = true;
      if (!this.options.connection) await connection.close();
      throw RpcError.is(error) || signal?.aborted ? error : this.explain(error);
    }
    this.connection = connection;
    this.up(connection, false);
  }

  /** Resolves when the server has seen what was sent to it, subscriptions among it, through as many reconnects as it takes. */
  async confirm(connection: NatsConnection): Promise<void> {
    for (;;) {
      let wake = (): void => {};
      const changed = new Promise<false>((resolve) => (wake = () => resolve(false)));
      this.waiting.add(wake);
      const seen = this.isUp && !this.isClosed ? connection.flush().then(() => true, () => false) : changed;
      const isSeen = await Promise.race([seen, changed]);
      this.waiting.delete(wake);
      if (this.isClosed) throw transportClosed('nats');
      if (isSeen) return;
      // A flush fails a moment before we hear that the link is lost.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Sends what was handed over, and ends the connection unless it is the user's. */
  async close(): Promise<void> {
    const { connection, isUp } = this;
    this.isClosed = true;
    this.isUp = false;
    this.wake();
    if (connection === undefined) return;
    const quietly = (work: Promise<void>): Promise<void> => within(this.clock, CLOSE_TIMEOUT_MS, work).catch(() => {});
    if (isUp) await quietly(connection.flush());
    if (!this.options.connection) await quietly(connection.close());
  }

  /** Why nothing can be sent. */
  down(): RpcError {
    if (this.isClosed) return transportClosed('nats');
    if (this.connection === undefined) return rpcError('TRANSPORT_DOWN', 'the nats transport is not connected; call connect() first', { undelivered: true });
    if (isNatsAuthError(this.lastError)) return this.explain(this.lastError);
    return rpcError('TRANSPORT_DOWN', `NATS at ${this.where()} is away; nothing was sent`, { undelivered: true });
  }

  where(): string {
    return this.options.connection?.getServer() || this.options.hosts.join(', ');
  }

  explain(error: unknown): RpcError {
    return explainNatsError(error, this.where(), this.options);
  }

  /** Lives as long as the connection. */
  private async follow(connection: NatsConnection, attempt: { readonly isOver: boolean }): Promise<void> {
    for await (const change of connection.status()) {
      if (this.isClosed || attempt.isOver) return;
      this.onStatus(connection, change);
    }
  }

  private onStatus(connection: NatsConnection, change: Status): void {
    switch (change.type) {
      case 'disconnect':
      case 'staleConnection':
      case 'forceReconnect':
        return this.lost(`lost NATS at ${this.where()}; reconnecting`);
      case 'close':
        return this.lost(`the connection to NATS at ${this.where()} was closed for good`);
      case 'reconnect':
        // Comes twice when a server that refused us in between lets us in.
        if (this.isUp || this.connection === undefined) return;
        this.hooks.logger()?.info(`NATS is back at ${this.where()}`);
        return this.up(connection, true);
      case 'error':
        return this.onError(change.error);
      default:
    }
  }

  private up(connection: NatsConnection, again: boolean): void {
    this.lastError = undefined;
    this.logged.clear();
    this.isUp = true;
    this.hooks.onUp(connection, again);
    this.wake();
  }

  private lost(message: string): void {
    if (!this.isUp) return;
    this.isUp = false;
    count('nats.link_down', this.where());
    this.hooks.logger()?.warn(message);
    this.hooks.onDown();
  }

  private onError(error: Error): void {
    count(/slow consumer/i.test(error.message) ? 'nats.slow_consumer' : 'nats.error', error.message);
    this.lastError = error;
    // A refused login comes again with each try, a refused publish with each message: they are worth a line, not a flood.
    if (this.logged.has(error.message) || this.logged.size >= MAX_LOGGED) return;
    this.logged.add(error.message);
    this.hooks.logger()?.warn(this.explain(error).message);
  }

  private wake(): void {
    for (const wake of this.waiting) wake();
  }

  private reconnectDelayMs(): number {
    const base = this.options.reconnectTimeWaitMs * (isNatsAuthError(this.lastError) ? 10 : 1);
    return base + (this.random.next() * base) / 3;
  }
}
