import { once } from 'node:events';
import { Backoff } from '../common/backoff.js';
import { type Clock, type RandomSource } from '../common/clock.js';
import type { AppPart, HealthReport } from '../common/lifecycle.js';
import type { Logger } from '../common/logger.js';
import type { RedisConfig } from '../config/redis-section.js';
import { connectError, reasonOf } from './redis-errors.js';
import { RedisGuard } from './redis-guard.js';
import { RedisProbe } from './redis-probe.js';
import type { RedisTarget } from './redis-target.js';
import { makeClient, type RedisClient } from './redis-vendor.js';

export interface LinkOptions {
  /** As `@InjectRedis(name)` has it. */
  readonly name: string;
  /** Where its config stands, for messages. */
  readonly place: string;
  readonly target: RedisTarget;
  readonly config: RedisConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** Goodbyes on stop may take this long. */
const QUIT_WAIT_MS = 1000;
/** Connections made with `duplicate()` may begin before they are connected. */
const DUPLICATE_QUEUE = 128;

/** A client as a part of the app: connected at start, watched, and closed when the handlers are done. */
export class RedisLink implements AppPart {
  readonly phase = 'resource';
  readonly name: string;
  /** Why it is down; undefined while it is up. */
  private cause: string | undefined = 'not connected yet';
  /** The last error that ioredis told of. */
  private heard: string | undefined;
  private announced = false;
  /** Outages are told once it has been up, or shall come up by itself. */
  private lasting = false;
  private stopping = false;
  private readonly copies = new Set<RedisClient>();
  private readonly probe: RedisProbe;
  private cancelHandshake: (() => void) | undefined;

  static async make(options: LinkOptions): Promise<RedisLink> {
    // The first tries soon, later ones once a second.
    const retries = () => {
      const backoff = new Backoff(options.clock, options.random, { baseMs: 50, maxMs: 1000 });
      return (attempt: number): number => {
        if (attempt <= 1) backoff.reset();
        return Math.ceil(backoff.next());
      };
    };
    return new RedisLink(await makeClient({ ...options, retries }), options);
  }

  private constructor(
    readonly client: RedisClient,
    private readonly options: LinkOptions,
  ) {
    const { name, config, clock } = options;
    this.name = name === 'default' ? 'redis' : `redis:${name}`;
    const guard = this.protect(client, config.queue);
    this.probe = new RedisProbe(client, { clock, config, isBlocked: () => guard.isBlocked, down: (why) => this.wentDown(why), up: () => this.wentUp() });
    client.on('connect', () => this.watchHandshake());
    client.on('ready', () => this.wentUp());
    client.on('close', () => this.wentDown(this.heard ?? 'the connection was lost'));
    client.on('end', () => this.wentDown(this.heard ?? 'closed by the application'));
  }

  /**
   * Connects, within `connectTimeoutMs`; with `startup: 'retry'` it goes on in the background.
   * @throws BootError REDIS_CONNECT
   */
  async open(): Promise<void> {
    const { config, clock, place, target } = this.options;
    this.lasting = config.startup === 'retry';
    const connected = this.client.connect();
    connected.catch(() => {});
    if (this.lasting) return;
    const limit = new AbortController();
    const cancel = clock.after(config.connectTimeoutMs, () => limit.abort(), true);
    try {
      const late = once(limit.signal, 'abort').then(() => Promise.reject(new Error(`no answer within ${config.connectTimeoutMs} ms`)));
      await Promise.race([connected, late]);
      // A cluster is ready before a command has reached anybody.
      await Promise.race([this.client.ping(), late]);
      this.lasting = true;
    } catch (error) {
      await this.stop(AbortSignal.abort());
      throw connectError(this.name, place, target.address, this.heard === undefined ? error : new Error(this.heard));
    } finally {
      cancel();
    }
  }

  health(): HealthReport {
    return this.cause === undefined ? { status: 'up' } : { status: 'down', detail: `${this.options.target.address}: ${this.cause}` };
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.stopping = true;
    this.probe.stop();
    this.cancelHandshake?.();
    await Promise.all([...this.copies, this.client].map((client) => this.quit(client, signal)));
  }

  private quit(client: RedisClient, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        client.off('end', done);
        // Also after a quit: the watch over sentinels ends with it.
        client.disconnect();
        resolve();
      };
      const cancel = this.options.clock.after(QUIT_WAIT_MS, done, true);
      if (client.status !== 'ready' || signal.aborted) return done();
      signal.addEventListener('abort', done, { once: true });
      client.once('end', done);
      client.quit().catch(done);
    });
  }

  /** Errors are heard, commands are guarded; for copies of the client too. */
  private protect(client: RedisClient, queue: number): RedisGuard {
    const { config, clock } = this.options;
    client.on('error', (error: unknown) => this.hear(error));
    client.on('node error', (error: unknown) => this.hear(error));
    const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => RedisClient;
    const duplicated = (...args: unknown[]): RedisClient => {
      const at = this.options.target.kind === 'cluster' ? 1 : 0;
      // A copy is for subscriptions and the like: it connects at once, and what is asked of it meanwhile waits.
      const given = [...args];
      given[at] = { lazyConnect: false, enableOfflineQueue: true, ...(args[at] as object | undefined) };
      const copy = duplicate(...given);
      this.copies.add(copy);
      copy.on('end', () => this.copies.delete(copy));
      this.protect(copy, Math.max(queue, DUPLICATE_QUEUE));
      return copy;
    };
    Object.defineProperty(client, 'duplicate', { value: duplicated, writable: true, configurable: true });
    return new RedisGuard(client, { name: this.name, clock, commandTimeoutMs: config.commandTimeoutMs, queue, why: () => this.cause });
  }

  private hear(error: unknown): void {
    const why = reasonOf(error);
    this.heard = why;
    if (this.client.status !== 'ready') this.cause = why;
    this.options.logger.debug(`${this.name}: ${why}`);
  }

  private wentUp(): void {
    this.cancelHandshake?.();
    this.cause = this.heard = undefined;
    if (this.announced) this.options.logger.info(`${this.name} is back`, { address: this.options.target.address });
    this.announced = false;
    this.probe.start();
  }

  /** One line for an outage, however many tries it has. */
  private wentDown(why: string): void {
    this.cancelHandshake?.();
    this.cause = why;
    if (this.announced || this.stopping || !this.lasting) return;
    this.announced = true;
    this.options.logger.warn(`${this.name} at ${this.options.target.address} is away: ${why}; trying again`);
  }

  /** A server that takes connections and says nothing: ioredis would wait for ever. */
  private watchHandshake(): void {
    const { clock, config } = this.options;
    this.cancelHandshake?.();
    this.cancelHandshake = clock.after(config.connectTimeoutMs, () => {
      if (this.client.status === 'ready' || this.stopping) return;
      this.heard = `no answer to the greeting within ${config.connectTimeoutMs} ms`;
      this.probe.cut();
    });
  }
}
